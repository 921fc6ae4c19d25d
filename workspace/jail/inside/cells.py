"""What happens at the beginning and the end of every cell."""

import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..warden import adopt_orphans
from .children import end_children
from .event_loops import EventLoops
from .output import Streams, packing_all_text
from .threads import Threads
from .tracebacks import shorten_tracebacks

if TYPE_CHECKING:
    from .figures import Figures


class Cells:
    """A cell is like a script: what it has started ends with it. One object a kernel."""

    def __init__(self, shell: Any, figures: "Figures | None" = None) -> None:
        """`figures` may be made before the kernel is forked, otherwise it is made for the first figure."""
        self.spared: set[int] = set()
        """Process IDs of the kernel's own children."""
        self._shell = shell
        self._folder = Path.cwd()
        self._figures = figures
        self._loops = EventLoops()
        self._threads = Threads()
        self._streams = Streams()

    def install(self) -> None:
        """Once, when the kernel is complete."""
        self._loops.install()
        self._threads.install()
        self._shell.cells = self
        session = self._shell.kernel.session
        session.pack = packing_all_text(session.pack)
        shorten_tracebacks(self._shell)
        warnings.filterwarnings("ignore", "To exit: use")  # IPython's advice to people at a terminal
        self._shell.events.register("pre_run_cell", lambda _info: self._begin())
        self._shell.events.register("post_run_cell", self._end)

    def _begin(self) -> None:
        self._loops.new_cell()
        self._threads.new_cell()
        self._streams.begin_cell()
        os.chdir(self._folder)

    def figures(self) -> "Figures":
        """Created when a cell needs it: a kernel that never plots does not pay for it."""
        if self._figures is None:
            from .figures import Figures  # noqa: PLC0415

            self._figures = Figures()
        return self._figures

    def save_figures(self) -> None:
        """Save the open figures as artifacts, and close them."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and pyplot.get_fignums():
            self.figures().save_open(self._folder)

    def _end(self, result: Any) -> None:
        try:
            if _ended_by_itself(result):
                self._threads.wait()
            self.save_figures()
        except KeyboardInterrupt:
            pass  # the cell's time is up
        finally:
            self._leave_nothing()

    def _leave_nothing(self) -> None:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            end_children(self.spared)
            self._streams.restore()
        finally:
            signal.signal(signal.SIGINT, handler)


def _ended_by_itself(result: Any) -> bool:
    return result is not None and (result.error_in_exec is None or isinstance(result.error_in_exec, Exception))


def load_ipython_extension(shell: Any) -> None:
    """For kernels that are not forked: `%load_ext workspace.jail.inside.cells`."""
    if sys.platform == "linux":
        adopt_orphans()
    Cells(shell).install()

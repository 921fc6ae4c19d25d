"""ipykernel's application in two parts: `prepare` before the fork, and `start` after it, on bound sockets."""

import subprocess
import sys
import types
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zmq
from ipykernel import ipkernel
from ipykernel.compiler import XCachingCompiler
from ipykernel.control import ControlThread
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from ipykernel.shellchannel import ShellChannelThread
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.application import BaseIPythonApplication
from traitlets.config import Config

from ..wire import CHANNELS
from .cells import Cells
from .output import Budget, BudgetedStream, CutSession

if TYPE_CHECKING:
    from .figures import Figures

SHORT_NAMES = {"numpy": "np", "pandas": "pd", "matplotlib.pyplot": "plt", "seaborn": "sns"}
"""The usual abbreviations; small models often forget the import."""


@dataclass(frozen=True)
class Wiring:
    """What a forked kernel receives."""

    connection: dict[str, Any]
    """Jupyter's connection info."""

    listening: dict[str, int]
    """Descriptor of each channel's bound socket; empty in a rehearsal, which binds paths itself."""

    output_size: int
    """Maximum number of characters that a cell may print."""

    message_size: int
    """Maximum size of a message, in bytes."""


class JailedHeartbeat(Heartbeat):  # type: ignore[misc]
    """A heartbeat on a socket that is already bound."""

    def __init__(self, address: tuple[str, str, int], descriptor: int | None) -> None:
        self._descriptor = descriptor
        super().__init__(zmq.Context(), address)

    def _try_bind_socket(self) -> Any:
        if self._descriptor is not None:
            self.socket.setsockopt(zmq.USE_FD, self._descriptor)
        return super()._try_bind_socket()


class JailedKernelApp(IPKernelApp):  # type: ignore[misc]
    """An IPython kernel that opens no sockets, writes no connection file and does not poll its parent."""

    name = "ipython-kernel"
    figures: "Figures | None" = None

    def wire(self, wiring: Wiring) -> None:
        """Use these sockets and this key. Called once, after the fork."""
        self.budget = Budget(wiring.output_size)
        self.session = CutSession(parent=self)
        self.session.longest = wiring.output_size
        self.session.message_size = wiring.message_size
        self.session.session = str(uuid.uuid4())
        self.session.key = wiring.connection["key"].encode()
        self.session.signature_scheme = wiring.connection["signature_scheme"]
        self.transport, self.ip = wiring.connection["transport"], wiring.connection["ip"]
        for channel in CHANNELS:
            setattr(self, f"{channel}_port", wiring.connection[f"{channel}_port"])
        self.listening = {wiring.connection[f"{c}_port"]: fd for c, fd in wiring.listening.items()}

    def _try_bind_socket(self, s: Any, port: int) -> Any:
        if port in self.listening:
            s.setsockopt(zmq.USE_FD, self.listening[port])
        return super()._try_bind_socket(s, port)

    def init_control(self, context: Any) -> None:
        """Like upstream without the debugger's socket, which would keep reconnecting to our own path."""
        self.control_socket = context.socket(zmq.ROUTER)
        self.control_socket.linger = 1000
        self.control_port: int = self._bind_socket(self.control_socket, self.control_port)
        self.control_socket.router_handover = 1
        self.debugpy_socket = context.socket(zmq.STREAM)
        self.debugpy_socket.linger = 0
        self.control_thread = ControlThread(daemon=True)
        self.shell_channel_thread = ShellChannelThread(context, daemon=True)

    def init_iopub(self, context: Any) -> None:
        """Like upstream without the pipe for children: a TCP listener, and libzmq aborts if it is refused."""
        self.iopub_socket = context.socket(zmq.XPUB)
        self.iopub_socket.linger = 1000
        self.iopub_port: int = self._bind_socket(self.iopub_socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = IOPubThread(self.iopub_socket, pipe=False, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_heartbeat(self) -> None:
        """Like upstream, on the socket passed at the fork."""
        address = (self.transport, self.ip, self.hb_port)
        self.heartbeat = JailedHeartbeat(address, self.listening.get(self.hb_port))
        self.heartbeat.start()

    def init_io(self) -> None:
        """Like upstream, with streams that enforce the output budget."""
        self.outstream_class = None
        sys.stdout = BudgetedStream(self.session, self.iopub_thread, "stdout", self.budget)
        sys.stderr = BudgetedStream(self.session, self.iopub_thread, "stderr", self.budget)
        super().init_io()

    def init_kernel(self) -> None:
        """Like upstream, without reading the file names of all modules for a debugger that does not exist.

        Reading them touches every module object: megabytes of pages would no longer be shared with other kernels.
        """
        real = ipkernel.sys
        attributes = ("platform", "version", "version_info", "stdout", "stderr")
        ipkernel.sys = types.SimpleNamespace(modules={}, **{name: getattr(real, name) for name in attributes})
        try:
            super().init_kernel()
        finally:
            ipkernel.sys = real


def prepare() -> JailedKernelApp:
    """The part of a kernel's start that needs no socket, thread or session."""
    config = Config()
    config.HistoryManager.enabled = False  # no database and no thread that writes it
    app: JailedKernelApp = JailedKernelApp.instance(config=config)
    BaseIPythonApplication.initialize(app, [])  # type: ignore[no-untyped-call]
    app.init_pdb()
    if "matplotlib.font_manager" in sys.modules:
        from .figures import Figures  # noqa: PLC0415  only where matplotlib is preloaded

        app.figures = Figures()
    ZMQInteractiveShell.instance(parent=app, profile_dir=app.profile_dir, compiler_class=XCachingCompiler)
    return app


def start(app: JailedKernelApp, wiring: Wiring) -> None:
    """The rest of the start, up to the event loop, which `app.start()` runs."""
    app.wire(wiring)
    app.init_blackhole()
    app.init_sockets()
    app.init_heartbeat()
    app.log_connection_info()
    app.init_io()
    app.init_signal()
    app.init_kernel()
    shell = app.kernel.shell
    shell.parent = shell.kernel = app.kernel
    shell.system = types.MethodType(_run_in_pipes, shell)
    app.init_shell()
    shell.push(
        {short: sys.modules[name] for name, short in SHORT_NAMES.items() if name in sys.modules}, interactive=False
    )
    shell.events.register("pre_run_cell", lambda _info: app.budget.renew())
    Cells(shell, app.figures).install()
    sys.stdout.flush()
    sys.stderr.flush()


def _run_in_pipes(shell: Any, command: str) -> None:
    """`!command`: IPython's own way needs a terminal, which does not exist in the sandbox."""
    expanded = shell.var_expand(command, depth=1)
    with subprocess.Popen(  # noqa: S602  the command is the session's own
        expanded,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                sys.stdout.write(line)
        except KeyboardInterrupt:
            process.kill()
            raise
    shell.user_ns["_exit_code"] = process.returncode

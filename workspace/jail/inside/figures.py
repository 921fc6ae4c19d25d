"""A matplotlib backend that saves figures left open, or shown, by a cell as PNG files in the session's folder."""

import os
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from matplotlib import pyplot as plt
from matplotlib.backend_bases import FigureCanvasBase, FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ..wire import ARTIFACT
from .fonts import Fallbacks


class Figures:
    """The figures of a kernel."""

    def __init__(self) -> None:
        self._fonts = Fallbacks()
        self._fonts.install()
        _record_saving()

    def save_open(self, folder: Path) -> None:
        """Save the open figures that the cell did not save in `folder`, in order of their numbers, and close all."""
        try:
            for number in plt.get_fignums():
                figure = plt.figure(number)
                if not getattr(figure.canvas, "saved", False) and figure.get_children()[1:]:
                    _announce(_save(figure, folder))
        finally:
            plt.close("all")
        if note := self._fonts.report():
            print(note)  # noqa: T201  part of the cell's output


def _save(figure: Any, folder: Path) -> str:
    number = 1
    while True:
        name = f"figure-{number}.png"
        try:
            with (folder / name).open("xb") as file:
                figure.canvas.print_png(file)
        except FileExistsError:
            number += 1
        else:
            return name


def _record_saving() -> None:
    """Remember which figures a cell saves itself, also with another backend: they are not saved twice."""
    print_figure = FigureCanvasBase.print_figure

    def print_and_record(canvas: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
        printed = print_figure(canvas, filename, *args, **kwargs)
        canvas.saved = getattr(canvas, "saved", False) or isinstance(filename, str | os.PathLike)
        return printed

    FigureCanvasBase.print_figure = print_and_record  # type: ignore[method-assign, assignment]


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, with fonts for all scripts."""

    def __init__(self, figure: Any = None) -> None:
        super().__init__(figure)
        shell: Any = get_ipython()
        if shell is not None:
            shell.cells.figures()  # its fonts are needed before the figure is drawn


class FigureManager(FigureManagerBase):
    """Implements `plt.show()`."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:  # noqa: ARG003
        """Save and close every open figure; `block` has no effect."""
        shell: Any = get_ipython()
        if shell is not None:
            shell.cells.save_figures()


FigureCanvas.manager_class = FigureManager  # type: ignore[assignment]


def _announce(name: str) -> None:
    shell = get_ipython()
    if shell is not None:
        shell.display_pub.publish({"text/plain": f"Figure saved as {name}", ARTIFACT: {"path": name}})

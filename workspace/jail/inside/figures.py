"""A matplotlib backend that saves figures left open, or shown, by a cell as PNG files in the session's folder."""

import os
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from matplotlib import pyplot as plt
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ..wire import ARTIFACT


class FigureCanvas(FigureCanvasAgg):
    """Records whether the cell saved the figure itself, so that it is not saved twice."""

    saved = False

    def print_figure(self, filename: Any, *args: Any, **kwargs: Any) -> None:
        """Like matplotlib's."""
        super().print_figure(filename, *args, **kwargs)
        self.saved = self.saved or isinstance(filename, str | os.PathLike)


class FigureManager(FigureManagerBase):
    """Implements `plt.show()`."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:  # noqa: ARG003
        """Save and close every open figure; `block` has no effect."""
        save_open_figures()


FigureCanvas.manager_class = FigureManager  # type: ignore[assignment]


def save_open_figures() -> None:
    """Save the open figures that the cell did not save, in order of their numbers, and close all figures."""
    try:
        for number in plt.get_fignums():
            figure = plt.figure(number)
            if not getattr(figure.canvas, "saved", False) and figure.get_children()[1:]:
                _announce(_save(figure))
    finally:
        plt.close("all")


def _save(figure: Any) -> str:
    number = 1
    while True:
        name = f"figure-{number}.png"
        try:
            with Path(name).open("xb") as file:
                figure.canvas.print_png(file)
        except FileExistsError:
            number += 1
        else:
            return name


def _announce(name: str) -> None:
    shell = get_ipython()
    if shell is not None:
        shell.display_pub.publish({"text/plain": f"Figure saved as {name}", ARTIFACT: {"path": name}})

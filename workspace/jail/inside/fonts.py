"""Glyphs for all common scripts in plots: fonts that matplotlib falls back to, whatever family a program selects."""

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matplotlib import _text_helpers, font_manager

PACKAGES = ("noto_cjk_sans_jp_regular", "manimgx_fonts")
"""Python packages of font files: Chinese, Japanese and Korean; emoji and the scripts of Asia and Africa."""
_NOTE = "Note: no font here has a glyph for {characters}; they are drawn as boxes."
_MOST = 30


class Fallbacks:
    """Appends the fonts to every search, and remembers the characters that no font has."""

    def __init__(self) -> None:
        self._paths = [font_manager.FontPath(str(path), 0) for path in _files()]
        self._missing: dict[str, None] = {}

    def install(self) -> None:
        """Once, in the kernel."""
        find = font_manager.FontManager._find_fonts_by_props

        def find_with_fallbacks(manager: Any, prop: Any, fontext: Any = "ttf", *args: Any, **kwargs: Any) -> list[Any]:
            found: list[Any] = find(manager, prop, fontext, *args, **kwargs)
            return found + self._paths if fontext == "ttf" else found

        font_manager.FontManager._find_fonts_by_props = find_with_fallbacks  # type: ignore[method-assign, assignment]
        _text_helpers.warn_on_missing_glyph = self._note  # type: ignore[assignment]
        logging.getLogger(font_manager.__name__).addFilter(_Once())

    def _note(self, codepoint: int, _fonts: str) -> None:
        self._missing[chr(codepoint)] = None

    def report(self) -> str:
        """One sentence for all characters without a glyph since the last call, or an empty string."""
        shown = list(self._missing)[:_MOST]
        self._missing.clear()
        return (
            _NOTE.format(characters=" ".join(ascii(c)[1:-1] if not c.isprintable() else c for c in shown))
            if shown
            else ""
        )


class _Once(logging.Filter):
    """matplotlib repeats that a font family is missing for each text that is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_new = text not in self._told
        self._told.add(text)
        return is_new


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield from sorted(
                p for p in Path(folder).iterdir() if p.suffix in (".otf", ".ttf") and "Italic" not in p.name
            )

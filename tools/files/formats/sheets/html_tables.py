"""The tables of an HTML page, which web applications also call `.xls`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import lxml.html
import pandas as pd

from tools.files.formats.sheets.csv_text import assigned, csv_parts
from tools.files.formats.sheets.grid import Marks, Range
from tools.files.formats.sheets.parts import Part
from tools.files.inference.conversion import arguments
from tools.files.profile import DAMAGE
from tools.files.source import Source

MAX_TABLES = 10
_MAX_SPANS = 5000
_MAX_SPAN = 1000
"""As in browsers."""
_SETUP = """\
import io, pathlib, re, lxml.html
page = re.sub("(?i)<br", " <br", pathlib.Path({name}).read_text(encoding="{encoding}", errors="replace")).encode()
table = lxml.html.fromstring(page, parser=lxml.html.HTMLParser(encoding="utf-8")).xpath("//table")[{table}]
rows, cells = table.xpath("./tr|./*/tr"), {}
for y, row in enumerate(rows):
    x = 0
    for cell in row.xpath("./td|./th"):
        while (y, x) in cells:
            x += 1
        for down in range(min(int(cell.get("rowspan") or 1), len(rows) - y)):
            for across in range(min(int(cell.get("colspan") or 1), 1000)):
                cells[y + down, x + across] = "" if across else " ".join(cell.text_content().split())
text = pd.Series(cells).unstack(fill_value="").to_csv(index=False, header=False)"""
"""Assigns the cells of a table to `text`, as CSV. Cells that span rows are repeated: `pd.read_html` repeats those that
span columns too, and loses decimal commas and leading zeros.
"""


def html_parts(source: Source, markup: str, encoding: str) -> Iterator[Part]:
    """The tables with several rows and columns. Raises what `int` and lxml raise for markup that makes no sense."""
    tables = lxml.html.fromstring(markup.encode(), parser=lxml.html.HTMLParser(encoding="utf-8")).xpath("//table")
    pages = cache(partial(pd.read_html, source.path, encoding=encoding))
    chosen = [(at, table) for at, table in enumerate(tables) if _has_data(table)][:MAX_TABLES]
    for at, table in chosen:
        setup = _SETUP.replace("{encoding}", encoding).replace("{table}", str(at)).splitlines()
        text = assigned(setup, source.path)
        name = f"table {at + 1}" if len(chosen) > 1 else None
        for part in csv_parts(text, setup, name, Marks(merged=_spans(table))):
            short = _short_load(pages, encoding, at, part.frame)
            yield replace(part, table=replace(part.table, load=short)) if short else part


def _short_load(pages: Callable[..., list[pd.DataFrame]], encoding: str, table: int, frame: pd.DataFrame) -> str | None:
    """The call of `pd.read_html` that gives the same; None if there is none. `pages` calls it with further options."""
    for options in ({}, {"header": 0}):
        try:
            pd.testing.assert_frame_equal(pages(**options)[table], frame)
        except (AssertionError, *DAMAGE):
            continue
        return f"df = pd.read_html({{name}}{arguments({'encoding': encoding, **options})})[{table}]"
    return None


def _has_data(table: Any) -> bool:
    """Tables with others inside only arrange a page."""
    rows = table.xpath("./tr|./*/tr")
    return len(rows) > 1 and not table.xpath(".//table") and any(len(row.xpath("./td|./th")) > 1 for row in rows[:50])


def _spans(table: Any) -> list[Range]:
    """The cells that span columns."""
    spans: list[Range] = []
    taken: set[tuple[int, int]] = set()
    y = -1
    rows = table.xpath("./tr|./*/tr")
    for row in rows:
        cells = row.xpath("./td|./th")
        y += bool(cells)
        x = 0
        for cell in cells:
            while (y, x) in taken:
                x += 1
            down = min(int(cell.get("rowspan") or 1), len(rows) - y)
            across = min(int(cell.get("colspan") or 1), _MAX_SPAN)
            taken.update((y + one, x + other) for one in range(down) for other in range(across))
            if across > 1 and len(spans) < _MAX_SPANS:
                spans.append((y, x, y, x + across - 1))
    return spans

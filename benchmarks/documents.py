"""The speed of reading documents for search: `python -m benchmarks.documents` prints the table in `docs/benchmarks.md`.

Each document is read in this process, without embedding; the processor time is the best of `RUNS`.
"""

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import docx
import pptx

from tests.documents import pdf
from tools.files.registry import sections

RUNS = 3
WORDS = "The committee of the harbour has examined the dredging of the northern channel and its costs in detail. "


def word(paragraphs: int) -> bytes:
    document = docx.Document()
    for at in range(paragraphs):
        if at % 20 == 0:
            document.add_heading(f"Chapter {at // 20 + 1}", 1)
        document.add_paragraph(f"{at}. {WORDS * 4}")
    table = document.add_table(rows=200, cols=4)
    for at, row in enumerate(table.rows):
        for column, cell in enumerate(row.cells):
            cell.text = f"{at} {column}"
    return _saved(document.save)


def slides(count: int) -> bytes:
    presentation = pptx.Presentation()
    for at in range(count):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        assert slide.shapes.title is not None
        slide.shapes.title.text = f"Slide {at}"
        slide.placeholders[1].text = WORDS * 3
    return _saved(presentation.save)


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def measured(path: Path) -> tuple[float, int]:
    """Seconds of processor time, and characters of text."""
    best, length = float("inf"), 0
    for _ in range(RUNS):
        began = time.process_time()
        length = sum(len(section.text) for section in sections(path))
        best = min(best, time.process_time() - began)
    return best, length


def main() -> None:
    documents: dict[str, tuple[str, Callable[[], bytes]]] = {
        "PDF of 200 pages": ("a.pdf", lambda: pdf([[WORDS * 6] * 5 for _ in range(200)])),
        "Word, 2,000 paragraphs and a table of 800 cells": ("a.docx", lambda: word(2000)),
        "PowerPoint, 200 slides": ("a.pptx", lambda: slides(200)),
    }
    print("| document | processor time | characters |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for label, (name, make) in documents.items():
            path = Path(folder) / name
            path.write_bytes(make())
            seconds, length = measured(path)
            print(f"| {label} | {seconds:.2f} s | {length:,} |")


if __name__ == "__main__":
    main()

"""Small real documents for the tests."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate


def pdf(pages: Sequence[Sequence[str]], title: str = "") -> bytes:
    """A PDF of `pages`, each a list of paragraphs."""
    out = io.BytesIO()
    style = getSampleStyleSheet()["BodyText"]
    story: list[Any] = []
    for paragraphs in pages:
        story += [Paragraph(text, style) for text in paragraphs] + [PageBreak()]
    SimpleDocTemplate(out, pagesize=A4, title=title).build(story[:-1])
    return out.getvalue()


def xlsx(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook of `sheets`: name → rows, the first one the header."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sign(lines: Sequence[str], size: tuple[int, int] = (1000, 400)) -> bytes:
    """A PNG with printed text, black on white."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=64)
    for at, line in enumerate(lines):
        draw.text((60, 60 + at * 100), line, fill="black", font=font)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()

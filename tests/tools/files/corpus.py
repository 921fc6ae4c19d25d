"""One good file of each format, from well-behaved writers; other tests damage these."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime

import docx
import openpyxl
import pandas as pd
import pptx
from PIL import Image
from pptx.util import Inches
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Table, TableStyle

from tests.tools.files import spreadsheets

SALES = "date,region,units,price\n2024-01-01,North,3,9.5\n2024-01-02,South,,10\n2024-01-03,North,5,8.25\n"
STOCK = (("kind", "units"), ("fig", 3), ("pea", 4))
KOREAN = "이름,나이,도시\n김철수,31,서울\n이영희,28,부산\n박민수,45,대구\n"


def workbook() -> bytes:
    """Three sheets: a plain table, one with a title and a two-line header, a hidden one."""
    book = openpyxl.Workbook()
    sales = book.active
    assert sales is not None
    sales.title = "Sales"
    sales.append(["Day", "Region", "Units", "Revenue"])
    for day in range(1, 29):
        sales.append([date(2024, 2, day), ("North", "South")[day % 2], day * 3, day * 1.5])
    merged = book.create_sheet("By year")
    merged["A1"] = "Revenue of the group"
    merged.merge_cells("A1:E1")
    merged.append([])
    merged.append(["Region", "2023", None, "2024", None])
    merged.merge_cells("B3:C3")
    merged.merge_cells("D3:E3")
    merged.append([None, "Q1", "Q2", "Q1", "Q2"])
    for at, region in enumerate(("North", "South", "West")):
        merged.append([region, at + 1, at + 2, at + 3.5, at + 4])
    hidden = book.create_sheet("Notes")
    hidden.append(["key", "value"])
    hidden.append(["made", datetime(2024, 3, 1, 12, 30)])
    hidden.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.core_properties.author = "Ann Author"
    document.add_heading("Report on Widgets", 0)
    document.add_heading("Introduction", 1)
    document.add_paragraph("Widgets are small machines that do nothing in particular.")
    document.add_heading("Results", 1)
    document.add_paragraph("The blue widget lasted 412 days.")
    table = document.add_table(rows=0, cols=2)
    for row in (("colour", "days"), ("blue", "412"), ("red", "96")):
        cells = table.add_row().cells
        cells[0].text, cells[1].text = row
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def slides() -> bytes:
    presentation = pptx.Presentation()
    for title, body in (("Plan for spring", "Sow the seeds"), ("Budget", "All in all 1,200 euros")):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        assert slide.shapes.title is not None
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    notes = presentation.slides[1].notes_slide.notes_text_frame
    assert notes is not None
    notes.text = "Ask for more"
    presentation.slides[1].shapes.add_picture(io.BytesIO(picture()), Inches(1), Inches(4))
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def pdf(pages: int = 3) -> bytes:
    """Text on each page, a ruled table on the second."""
    out = io.BytesIO()
    style = getSampleStyleSheet()
    parts: list[Flowable] = []
    for number in range(1, pages + 1):
        parts.append(Paragraph(f"Chapter {number}", style["Heading1"]))
        parts.append(Paragraph(f"The password of floor {number} is swordfish-{number}.", style["BodyText"]))
        if number == 2:
            table = Table([["item", "price"], ["tea", "3.5"], ["cake", "1,200"]])
            table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 1, colors.black)]))
            parts.append(table)
        parts.append(PageBreak())
    SimpleDocTemplate(out, pagesize=A4, title="The Tower", author="Tim Tall").build(parts)
    return out.getvalue()


def picture(kind: str = "PNG") -> bytes:
    image = Image.new("RGB", (64, 48), (200, 30, 30))
    exif = image.getexif()
    exif[0x010F] = "Camera Works"
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    frame = pd.DataFrame(
        {"id": range(100), "name": [f"n{i % 7}" for i in range(100)], "at": pd.date_range("2024-01-01", periods=100)}
    )
    frame.to_parquet(out)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("data/one.csv", SALES)
        made.writestr("../../evil.txt", "x")
    return out.getvalue()


ORDERS = {
    "made": "2024-05-01",
    "orders": [
        {"id": 1, "customer": {"name": "Ann", "city": "Rome"}, "items": [{"sku": "a", "n": 2}]},
        {"id": 2, "customer": {"name": "Bob", "city": None}, "items": []},
    ],
}
HTML = (
    "<!DOCTYPE html><html><head><title>Prices</title><script>var x = 1;</script></head><body><h1>Fruit</h1>"
    "<p>All prices in <b>euros</b>.</p><table><tr><th>fruit</th><th>price</th></tr><tr><td>apple</td><td>2</td></tr>"
    "</table><h2>Notes</h2><p>Prices may rise.</p></body></html>"
)
MARKDOWN = "# Guide\n\nHello there.\n\n## Setup\n\n```python\n# no heading\nx = 1\n```\n\nUsage\n-----\n\nRun it.\n"
CODE = "import os\n\nclass Tree:\n    def grow(self):\n        pass\n\ndef main(argv, depth=1):\n    return 0\n"

CORPUS: dict[str, Callable[[], bytes]] = {
    "sales.csv": SALES.encode,
    "korean.csv": lambda: KOREAN.encode("cp949"),
    "wide.tsv": lambda: SALES.replace(",", "\t").encode("utf-16"),
    "book.xlsx": workbook,
    "stock.xls": spreadsheets.old_workbook,
    "stock.ods": lambda: spreadsheets.ods("".join(map(spreadsheets.row_of, STOCK))),
    "orders.json": lambda: json.dumps(ORDERS).encode(),
    "lines.jsonl": lambda: "\n".join(json.dumps({"a": i, "b": {"c": str(i)}}) for i in range(30)).encode(),
    "table.parquet": parquet,
    "tower.pdf": pdf,
    "report.docx": word,
    "plan.pptx": slides,
    "prices.html": HTML.encode,
    "guide.md": MARKDOWN.encode,
    "tree.py": CODE.encode,
    "photo.png": picture,
    "photo.jpg": lambda: picture("JPEG"),
    "pack.zip": archive,
}

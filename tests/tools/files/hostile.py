"""Malicious files. Each is small on disk, or large for a reason, and generated in a second or less."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

import openpyxl

from tests.tools.files.corpus import CORPUS, slides, workbook

ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 20}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'


def remade(data: bytes, changes: dict[str, bytes], extra: dict[str, bytes] | None = None) -> bytes:
    """An archive with some members replaced and others added."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
        for name, content in (extra or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def padded(name: str, part: str, size: int) -> bytes:
    """An Office file with one part inflated with blanks."""
    data = CORPUS[name]()
    return remade(data, {part: member(data, part).replace(b"?>", b"?>" + b" " * size, 1)})


def understated(name: str, part: str) -> bytes:
    """Like `padded`, but the archive's directory says that the part is small."""
    return claiming(padded(name, part, 20 << 20), part, 1000)


def claiming(data: bytes, part: str, size: int) -> bytes:
    """An archive whose directory says that a part unpacks to `size` bytes."""
    at = data.rfind(part.encode()) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


def with_entities(name: str, part: str, prologue: str, entity: str) -> bytes:
    """An Office file whose XML declares entities and uses one in its text."""
    data = CORPUS[name]()
    body = member(data, part).decode().partition("?>")[2]
    body = body.replace("</", f"&{entity};</", 1)
    return remade(data, {part: (prologue + body).encode()})


def many_strings() -> bytes:
    strings = b"<si><t>" + b"x" * 1000 + b"</t></si>"
    head = b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return remade(workbook(), {"xl/sharedStrings.xml": head + strings * 150_000 + b"</sst>"})


def wide_sheet() -> bytes:
    """One cell in the last column of each row, and a dimension that claims the whole sheet."""
    rows = "".join(f'<row r="{r}"><c r="XFD{r}"><v>1</v></c></row>' for r in range(1, 3000))
    sheet = (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>'
    )
    return remade(workbook(), {"xl/worksheets/sheet1.xml": sheet.encode()})


def growing_formulas() -> bytes:
    """Formulas without results, each with a text twice as long as the one before."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["step", "text"])
    sheet.append([1, '=REPT("x",32767)'])
    for row in range(3, 60):
        sheet.append([row, f"=B{row - 1}&B{row - 1}"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repeated_rows() -> bytes:
    """A million rows of a thousand cells, said in one line."""
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<d:document-content xmlns:d="{space}:office:1.0" xmlns:t="{space}:table:1.0"><d:body><d:spreadsheet>'
        '<t:table t:name="a"><t:table-row t:number-rows-repeated="1048576"><t:table-cell d:value-type="float" '
        'd:value="1" t:number-columns-repeated="1024"/></t:table-row></t:table></d:spreadsheet></d:body>'
        "</d:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        made.writestr("META-INF/manifest.xml", "<manifest/>")
        made.writestr("content.xml", content)
    return out.getvalue()


def indexes() -> bytes:
    """A workbook of XML whose only cell claims to be far away."""
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    cell = '<s:Row s:Index="999999999"><s:Cell s:Index="999999999"><s:Data>x</s:Data></s:Cell></s:Row>'
    table = f'<s:Worksheet s:Name="a"><s:Table>{cell}</s:Table></s:Worksheet>'
    return f'<?xml version="1.0"?><s:Workbook xmlns:s="{space}">{table}</s:Workbook>'.encode()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def huge_png() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


def png_with_a_text_bomb() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 << 20), 1))
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", zlib.compress(bytes(8 * 25))) + chunk(b"IEND", b"")


def pdf_of(*objects: str, trailer: str = "<< /Root 1 0 R >>") -> bytes:
    """A PDF of these objects, numbered from 1."""
    out, places = "%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010} 00000 n \n" for at in places)
    return (out + f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF").encode()


CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
PAGES = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PDF_LOOPS = {
    "page-tree": pdf_of(CATALOG, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"),
    "page-tree-of-two": pdf_of(
        CATALOG,
        "<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 9 >>",
        "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 2 0 R] /Count 9 >>",
    ),
    "pages-claimed": pdf_of(CATALOG, "<< /Type /Pages /Kids [] /Count 999999999 >>"),
    "xref": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\n0000000000 65535 f \n"
    b"trailer\n<< /Root 1 0 R /Prev 44 /Size 1 >>\nstartxref\n44\n%%EOF",
    "reference": pdf_of(
        CATALOG, PAGES, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox 5 0 R >>", "4 0 R", "5 0 R"
    ),
    "references-of-two": pdf_of(CATALOG, PAGES, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>", "5 0 R", "4 0 R"),
    "parent": pdf_of(CATALOG, PAGES, "<< /Type /Page /Parent 3 0 R >>"),
    "form": pdf_of(
        CATALOG,
        PAGES,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
        "<< /Length 5 >>\nstream\n/X Do\nendstream",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> /Length 11 >>\n"
        "stream\n/X Do /X Do\nendstream",
    ),
    "outline": pdf_of(
        "<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        PAGES,
        "<< /Type /Page /Parent 2 0 R >>",
        "<< /First 5 0 R /Last 5 0 R >>",
        "<< /Title (again) /Next 5 0 R /First 5 0 R /Parent 4 0 R /Dest [3 0 R /Fit] >>",
    ),
    "nested": pdf_of(CATALOG, "[" * 20_000 + "]" * 20_000),
}


def pdf_bomb() -> bytes:
    """A page whose content unpacks to 36 MB."""
    stream = zlib.compress(zlib.compress(b"BT " * (12 << 20), 1))
    body = stream.decode("latin-1")
    head = f"<< /Length {len(stream)} /Filter [/FlateDecode /FlateDecode] >>"
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    text = pdf_of(CATALOG, PAGES, page, f"{head}\nstream\n@@\nendstream")
    return text.replace(b"@@", body.encode("latin-1"))


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("zeros", bytes(50 << 20))
    return claiming(out.getvalue(), "zeros", 0xFFFFFFF0)


def zip_of_many() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for at in range(11_000):
            made.writestr(f"{at}", b"")
        made.writestr("xl/workbook.xml", b"")
    return out.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "blown-up.xlsx": lambda: claiming(workbook(), "xl/worksheets/sheet1.xml", 3 << 30),
    "blown-up.docx": lambda: padded("report.docx", "word/document.xml", 66 << 20),
    "blown-up.pptx": lambda: claiming(slides(), "ppt/presentation.xml", 80 << 20),
    "understated.docx": lambda: understated("report.docx", "word/document.xml"),
    "strings.xlsx": many_strings,
    "wide-sheet.xlsx": wide_sheet,
    "many-parts.xlsx": zip_of_many,
    "bomb.zip": zip_bomb,
    "formulas.xlsx": growing_formulas,
    "spans.html": lambda: b"<table>" + b"<tr><td rowspan=99999999 colspan=99999999>x<td>y</tr>" * 300 + b"</table>",
    "repeated.ods": repeated_rows,
    "indexes.xls": indexes,
    "entities.xlsx": lambda: with_entities("book.xlsx", "xl/worksheets/sheet1.xml", ENTITIES, "i"),
    "entities-in-workbook.xlsx": lambda: with_entities("book.xlsx", "xl/workbook.xml", ENTITIES, "i"),
    "entities.docx": lambda: with_entities("report.docx", "word/document.xml", ENTITIES, "i"),
    "entities.pptx": lambda: with_entities("plan.pptx", "ppt/slides/slide1.xml", ENTITIES, "i"),
    "entities.svg": (ENTITIES + "<svg>&i;</svg>").encode,
    "outside.docx": lambda: with_entities("report.docx", "word/document.xml", OUTSIDE, "i"),
    "outside.xlsx": lambda: with_entities("book.xlsx", "xl/worksheets/sheet1.xml", OUTSIDE, "i"),
    "huge.png": huge_png,
    "text-bomb.png": png_with_a_text_bomb,
    "deep.json": lambda: b"[" * 1_000_000 + b"]" * 1_000_000,
    "deep-objects.json": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep.jsonl": lambda: b'{"a": 1}\n' + b"[" * 200_000 + b"]" * 200_000 + b"\n",
    "long-number.json": lambda: b'{"a": ' + b"9" * 1_000_000 + b"}",
    "deep.html": lambda: b"<html>" + b"<div>" * 200_000 + b"deep",
    "deep.py": lambda: b"x = " + b"(" * 50_000 + b")" * 50_000,
    "one-line.csv": lambda: b"x" * (50 << 20),
    "one-line-of-cells.csv": lambda: b"1," * (25 << 20),
    "long-second-line.csv": lambda: b"a,b\n" + b"x" * (50 << 20) + b",1\n2,3\n",
    "open-quote.csv": lambda: b'a,b\n"' + b"x,\n" * (8 << 20),
    "wide.csv": lambda: b",".join(b"c%d" % at for at in range(100_000)) + b"\n" + b",".join([b"1"] * 100_000) + b"\n",
    "zeros.csv": lambda: bytes(1 << 20),
    "zeros.txt": lambda: b"a,b\n1,2\n" + bytes(1 << 20),
    "bomb.pdf": pdf_bomb,
    **{f"{name}.pdf": partial(bytes, data) for name, data in PDF_LOOPS.items()},
}

LIARS: dict[str, str] = {
    "photo.png": "a.csv",
    "sales.csv": "a.xlsx",
    "tower.pdf": "a.docx",
    "pack.zip": "a.png",
    "prices.html": "a.pdf",
    "book.xlsx": "a.json",
    "table.parquet": "a.txt",
    "orders.json": "a.parquet",
    "korean.csv": "a.zip",
    "plan.pptx": "a.xlsx",
}
"""A file of the corpus under a misleading name."""

"""Damaged and hostile documents are read in bounds, or refused."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given

from tests.tools.documents import other_cases, pdf_cases, word_cases
from tests.tools.documents.other_cases import open_document
from tests.tools.documents.word_cases import body, paragraph, run
from tests.tools.files.hostile import ENTITIES, OUTSIDE, claiming, member, pdf_of, remade
from tests.tools.files.mutation import Change, mutated
from tests.tools.files.test_fuzz import CHANGES, FEW, check
from tools import PRELOAD
from tools.files.profile import FileUnreadable
from tools.files.reader import FileReader
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings

CASES = {
    case.file: case.make for case in (*word_cases.CASES, *pdf_cases.CASES, *other_cases.CASES) if case.file != "fax.tif"
}
MADE: dict[str, bytes] = {}


def open_document_of(xml: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", xml)
    return out.getvalue()


def repeated_chart() -> bytes:
    """A slide that shows one chart ten thousand times."""
    data = other_cases.charts()
    slide = member(data, "ppt/slides/slide1.xml").decode()
    begin, end = slide.index("<p:graphicFrame"), slide.index("</p:graphicFrame>") + len("</p:graphicFrame>")
    many = slide[:end] + slide[begin:end] * 10_000 + slide[end:]
    return remade(data, {"ppt/slides/slide1.xml": many.encode()})


def field_loop() -> bytes:
    """A form field that is its own parent and its own child."""
    return pdf_of(
        "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 90 90] /Annots [4 0 R 4 0 R 5 0 R] >>",
        "<< /Type /Annot /Subtype /Widget /FT /Tx /V (x) /T (a) /Parent 4 0 R /Kids [4 0 R 4 0 R] /Rect [0 0 (a) 9] >>",
        "<< /Type /Annot /Subtype /Highlight /QuadPoints 5 0 R /Contents 5 0 R /Rect 4 0 R /F (z) >>",
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "deep.docx": lambda: body("".join(["<w:tbl><w:tr><w:tc>"] * 60 + ["<w:p/>"] + ["</w:tc></w:tr></w:tbl>"] * 60)),
    "span.docx": lambda: body(
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr>'
        f"{paragraph(run('x'))}</w:tc></w:tr></w:tbl>"
    ),
    "chart.pptx": repeated_chart,
    "entities.odt": lambda: open_document_of(f"{ENTITIES}<a>&i;</a>"),
    "outside.odt": lambda: open_document_of(f"{OUTSIDE}<a>&i;</a>"),
    "blown-up.odt": lambda: claiming(open_document("text", ""), "content.xml", 200 << 20),
    "spaces.odt": lambda: open_document("text", '<text:p><text:s text:c="99999999999"/>x</text:p>' * 1000),
    "deep.rtf": lambda: b"{\\rtf1" + b"{" * 1_000_000,
    "binary.rtf": lambda: b"{\\rtf1 a\\bin99999999999999999999 b}",
    "unicode.rtf": lambda: b"{\\rtf1 \\u99999999999 \\uc99999999 \\u-55555? end}",
    "deep.eml": lambda: b"".join(
        b"From: a\nTo: b\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at)
        for at in range(3000)
    ),
    "unknown.eml": lambda: b"From: a\nTo: b\nDate: x\nContent-Type: text/plain; charset=nonsense\n\n\xff\xfe words",
    "loop.pdf": field_loop,
    "wide-page.pdf": lambda: pdf_of(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99999999 1] /Contents 4 0 R >>",
        "<< /Length 14 >>\nstream\n0 0 m 9 9 l S \nendstream",
    ),
}


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[FileReader]:
    workers = Workers(WorkerSettings(read_seconds=20, read_memory_mb=768), preload=PRELOAD)
    yield FileReader(workers)
    await workers.aclose()


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_documents_are_bounded(reader: FileReader, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    await asyncio.to_thread(lambda: path.write_bytes(HOSTILE[name]()))
    for read in (reader.profile(path), reader.text(path, lambda _: None, 2)):
        try:
            found = await read
        except FileUnreadable as error:
            assert str(error).endswith(".")
        else:
            assert "root:" not in repr(found)
            assert "ha" * 1000 not in repr(found)
            assert len(repr(found)) < 1_000_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
@FEW
@given(changes=CHANGES)
def test_mutated_documents_are_read_or_refused(tmp_path: Path, name: str, changes: list[Change]) -> None:
    if name not in MADE:
        MADE[name] = CASES[name]()
    path = tmp_path / name
    path.write_bytes(mutated(MADE[name], changes))
    check(path, name)

"""Spreadsheets of every format, under any name: what is found in them, and that the load line gives it."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.documents.compound_file import compound_file
from tests.tools.files.sheets import analysis
from tests.tools.files.spreadsheets import Rows, archive, cell, ods, old_workbook, row, workbook
from tools.files.profile import FileUnreadable

SALES: Rows = [["Region", "Units", "Price"], ["North", 3, 1.5], ["South", 4, 2.25], ["West", 5, 3.75]]


def test_open_document_with_merged_hidden_and_uncalculated_cells(tmp_path: Path) -> None:
    covered, formula = "<table:covered-table-cell/>", '<table:table-cell table:formula="of:=[.B2]*2"/>'
    rows = row(cell("Kind"), cell("Units"), cell("Twice"))
    rows += row(cell("fruit", 'table:number-rows-spanned="2"'), cell(3), formula)
    rows += row(covered, cell(4), formula, attributes='table:visibility="collapse"')
    rows += row(cell("veg"), cell(5), formula)
    found = analysis(tmp_path, ods(rows), "stock.ods")
    assert found.profile.title == "OpenDocument spreadsheet, 1 sheet"
    assert found.frame.groupby("Kind")["Units"].sum().to_dict() == {"fruit": 7, "veg": 5}
    assert "never calculated" in found.notes
    assert "Twice: =B2*2" in found.notes
    assert "index [1]" in found.notes


@pytest.mark.parametrize("name", ["stock.xls", "stock.xlsx", "stock"])
def test_the_old_binary_kind(tmp_path: Path, name: str) -> None:
    found = analysis(tmp_path, old_workbook(), name)
    assert found.frame["Category"].tolist() == ["Fruit", "Fruit", "Veg"]
    assert found.frame["Units"].sum() == 35
    assert found.frame["Since"].dt.day.tolist() == [5, 6, 7]
    assert "Stock of the shops" in found.notes


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def record(kind: int, body: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    return number + bytes([len(body)]) + body


def xlsb() -> bytes:
    """The binary kind of Excel 2007, as small as it can be."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{relations}/{{}}" Target="{{}}"/></Relationships>'
    )
    sheet_name = struct.pack("<II", 0, 1) + wide("rId1") + wide("Data")
    book = record(131) + record(143) + record(156, sheet_name) + record(144) + record(132)
    cells = record(129) + record(148, struct.pack("<IIII", 0, 3, 0, 1)) + record(145)
    for at, (name, number) in enumerate([("code", "n"), ("007", 1.5), ("008", 2.5), ("009", 3.5)]):
        cells += record(0, struct.pack("<II", at, 0) + bytes(17))
        cells += record(6, struct.pack("<II", 0, 0) + wide(str(name)))
        second = struct.pack("<II", 1, 0)
        if isinstance(number, str):
            cells += record(6, second + wide(number))
        else:
            cells += record(5, second + struct.pack("<d", number))
    cells += record(146) + record(130)
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": link.format("officeDocument", "xl/workbook.bin"),
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": link.format("worksheet", "worksheets/sheet1.bin"),
            "xl/worksheets/sheet1.bin": cells,
        }
    )


def test_the_binary_kind(tmp_path: Path) -> None:
    found = analysis(tmp_path, xlsb(), "data.xlsb")
    assert found.profile.kind == "xlsb"
    assert found.frame["code"].tolist() == ["007", "008", "009"]
    assert found.frame["n"].sum() == 7.5


@pytest.mark.parametrize("name", ["book.xls", "book.xlsm", "book.ods", "book.csv", "book", "book.txt"])
def test_a_workbook_under_any_name(tmp_path: Path, name: str) -> None:
    found = analysis(tmp_path, workbook(SALES), name)
    assert found.profile.kind == "xlsx"
    assert found.frame["Units"].sum() == 12


HTML = (
    "<table border=1><tr><td colspan=3>Report – 2024</td></tr><tr><th>Zip<th>Name<br>of shop<th>Amount</tr>"
    "<tr><td rowspan=2>00501<td>Ž<td>1.234,50</tr><tr><td>B<td>99,00</tr><tr><td>Total<td><td>1.333,50</tr></table>"
)


@pytest.mark.parametrize(
    ("before", "encoding"),
    [
        ("", "utf-8"),
        ("<html xmlns:x='urn:schemas-microsoft-com:office:excel'><head><style>td {}</style></head><body>", "utf-8-sig"),
        ("\n<meta http-equiv='Content-Type' content='text/html; charset=utf-16'>", "utf-16"),
        ("<?xml version='1.0' encoding='utf-8'?><!DOCTYPE html><html><body>", "utf-8"),
    ],
)
@pytest.mark.parametrize("name", ["export.xls", "export.xlsx", "export.csv", "export.html"])
def test_html_under_any_name(tmp_path: Path, before: str, encoding: str, name: str) -> None:
    found = analysis(tmp_path, (before + HTML).encode(encoding), name)
    assert found.profile.kind == "html"
    assert list(found.frame.columns) == ["Zip", "Name of shop", "Amount"]
    assert found.frame["Zip"].tolist() == ["00501", "00501"]
    assert found.frame["Amount"].sum() == pytest.approx(1333.5)
    assert ("although it is called" in found.notes) == (name != "export.html")


def test_html_with_a_header_of_two_lines_and_several_tables(tmp_path: Path) -> None:
    layout = "<table><tr><td>{}</td><td>menu</td></tr><tr><td>a</td><td>b</td></tr></table>"
    first = (
        "<table><thead><tr><th rowspan=2>Region</th><th colspan=2>2023</th></tr><tr><th>Q1</th><th>Q2</th></tr></thead>"
        "<tbody><tr><td>North</td><td>1</td><td>2</td></tr><tr><td>South</td><td>3</td><td>4</td></tr></tbody></table>"
    )
    second = "<table><tr><td>pen</td><td>7</td></tr><tr><td>ink</td><td>8</td></tr></table>"
    found = analysis(tmp_path, f"<html><body>{layout.format(first)}<p>and</p>{second}</body></html>".encode(), "a.html")
    assert [list(frame.columns) for frame in found.frames] == [
        ["Region", "2023 Q1", "2023 Q2"],
        ["column_1", "column_2"],
    ]
    assert found.frames[0]["2023 Q2"].sum() == 6
    assert found.frames[1]["column_2"].sum() == 15


def test_a_simple_table_of_html_is_loaded_by_pandas_alone(tmp_path: Path) -> None:
    page = "<html><body><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>x</td></tr></table></body></html>"
    found = analysis(tmp_path, page.encode(), "a.html")
    assert found.table.load == 'df = pd.read_html({name}, encoding="utf-8")[0]'


SPREADSHEET_XML = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<ss:Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><ss:Worksheet ss:Name="A &amp; B"><ss:Table>
<ss:Row><ss:Cell ss:MergeAcross="3"><ss:Data ss:Type="String">A title</ss:Data></ss:Cell></ss:Row>
<ss:Row ss:Index="3">{header}</ss:Row>
<ss:Row><ss:Cell><ss:Data ss:Type="String">007</ss:Data></ss:Cell>
<ss:Cell ss:MergeDown="1"><ss:Data ss:Type="String">red</ss:Data></ss:Cell>
<ss:Cell><ss:Data ss:Type="DateTime">2024-03-05T00:00:00.000</ss:Data></ss:Cell>
<ss:Cell><ss:Data ss:Type="Number">1.5</ss:Data></ss:Cell></ss:Row>
<ss:Row><ss:Cell><ss:Data ss:Type="String">008</ss:Data></ss:Cell><ss:Cell ss:Index="4">
<ss:Data ss:Type="Number">2.5</ss:Data></ss:Cell></ss:Row></ss:Table></ss:Worksheet></ss:Workbook>"""


def test_a_workbook_of_xml_called_xls(tmp_path: Path) -> None:
    cells = "<ss:Cell><ss:Data ss:Type='String'>{}</ss:Data></ss:Cell>"
    header = "".join(map(cells.format, ("Code", "Team", "Day", "Sum")))
    found = analysis(tmp_path, SPREADSHEET_XML.format(header=header).encode(), "book.xls")
    assert found.profile.title == "Excel workbook in XML, 1 sheet"
    assert found.frame["Code"].tolist() == ["007", "008"]
    assert found.frame["Team"].tolist() == ["red", "red"]
    assert found.frame["Day"].dt.month.tolist()[0] == 3
    assert found.frame["Sum"].sum() == 4
    assert "A title" in found.notes


@pytest.mark.parametrize("name", ["export.xls", "export.xlsx"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_text_called_a_workbook(tmp_path: Path, name: str, encoding: str) -> None:
    text = "zip\tname\tamount\n00501\tAnn\t1,234.50\n02134\tBob\t99.00\n"
    found = analysis(tmp_path, text.encode(encoding), name)
    assert found.profile.kind == "csv"
    assert found.frame["zip"].tolist() == ["00501", "02134"]
    assert found.frame["amount"].sum() == 1333.5


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ("EncryptedPackage", "locked with a password"),
        ("WordDocument", "Word document of the old binary format"),
        ("Workbook", "damaged"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, stream: str, words: str) -> None:
    with pytest.raises(FileUnreadable, match=words):
        analysis(tmp_path, compound_file({stream: b""}))


def remade(data: bytes, change: Callable[[bytes], bytes], name: str = "xl/worksheets/sheet1.xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            new.writestr(member, change(old.read(member)) if member == name else old.read(member))
    return out.getvalue()


def prefixed(part: bytes) -> bytes:
    return re.sub(rb"<(/?)(?!\?)([a-zA-Z])", rb"<\1x:\2", part).replace(b'xmlns="', b'xmlns:x="', 1)


def without_references(part: bytes) -> bytes:
    return re.sub(rb' r="[A-Z]*\d+"', b"", part)


@pytest.mark.parametrize("change", [prefixed, without_references])
def test_xml_as_other_programs_write_it(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    assert analysis(tmp_path, remade(workbook(SALES), change)).frame["Units"].sum() == 12


def shared(part: bytes) -> bytes:
    """The second cell of the last column has a formula that those below share."""
    formula = b'<c r="C2"><f t="shared" ref="C2:C4" si="0">B2*2</f></c>'
    part = re.sub(rb'<c r="C2"[^>]*>.*?</c>', formula, part)
    return re.sub(rb'<c r="(C[34])"[^>]*>.*?</c>', rb'<c r="\1"><f t="shared" si="0"/><v></v></c>', part)


def test_formulas_that_cells_share(tmp_path: Path) -> None:
    found = analysis(tmp_path, remade(workbook(SALES), shared))
    assert found.frame["Price"].tolist() == [6, 8, 10]
    assert "Price: =B2*2" in found.notes


def test_results_that_are_empty_texts_are_results(tmp_path: Path) -> None:
    def empty(part: bytes) -> bytes:
        return re.sub(rb'<c r="A3"[^>]*>.*?</c>', b'<c r="A3" t="str"><f>""</f><v></v></c>', part)

    found = analysis(tmp_path, remade(workbook(SALES), empty))
    assert "formula" not in found.notes
    assert found.frame["Region"].isna().sum() == 1


def test_results_of_zero_that_nobody_calculated(tmp_path: Path) -> None:
    def zeros(part: bytes) -> bytes:
        return re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>0</v>", part)

    rows: Rows = [["a", "b", "sum"], [1, 10, "=A2+B2"], [2, 20, "=A3+B3"], [3, 30, "=A4+B4"]]
    found = analysis(tmp_path, remade(workbook(rows), zeros))
    assert found.frame["sum"].tolist() == [11, 22, 33]
    nothing: Rows = [["a", "b"], [1, "=A2-1"], [2, "=A3-2"]]
    found = analysis(tmp_path, remade(workbook(nothing), zeros))
    assert found.frame["b"].tolist() == [0, 0]
    assert "formula" not in found.notes

"""Each format: what is found in it, and that the generated line of Python loads exactly this."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.tools.files.corpus import CORPUS, KOREAN, MARKDOWN, SALES
from tools.files.profile import FileUnreadable, Profile, Table
from tools.files.registry import profile, sections
from tools.files.render import SHORT, as_data, long, short

PADDING = "0" * 60


def put(folder: Path, name: str, data: bytes | None = None) -> Path:
    path = folder / name
    path.write_bytes(CORPUS[name]() if data is None else data)
    return path


def table_of(found: Profile) -> Table:
    (table,) = found.tables
    return table


def loaded(path: Path, line: str | None) -> dict[str, Any]:
    """The variables after running a profile's line of Python, as in a kernel."""
    assert line is not None
    names: dict[str, Any] = {"pd": pd}
    exec(line.replace("{name}", json.dumps(str(path))), names)
    return names


def columns(table: Table) -> dict[str, str]:
    return {column.name: column.kind for column in table.columns}


@pytest.mark.parametrize("name", CORPUS)
def test_every_format_is_described_shortly_and_at_length(tmp_path: Path, name: str) -> None:
    found = profile(put(tmp_path, name))
    assert found.kind in {name.rpartition(".")[2], "csv", "text", "image"}
    text = short(found, name)
    assert text.startswith(f"- {name} (")
    assert len(text) <= SHORT
    assert name in long(found, name)
    assert json.loads(json.dumps(as_data(found, name), allow_nan=False))["bytes"] == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", CORPUS)
def test_every_line_that_is_said_to_load_it_runs(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    found = profile(path)
    for line in [found.load, *(table.load for table in found.tables)]:
        names = loaded(path, line)
        for opened in names.keys() & {"image", "pdf"}:
            names[opened].close()


@pytest.mark.parametrize("name", [name for name, _ in CORPUS.items() if not name.endswith(("g", "zip"))])
def test_sections_stand_in_order(tmp_path: Path, name: str) -> None:
    parts = sections(put(tmp_path, name))
    assert parts
    for part, following in pairwise(parts):
        assert following.position == part.position + len(part.text) + 2


def test_csv_columns_have_types_ranges_and_examples(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "sales.csv"))
    table = table_of(found)
    assert columns(table) == {"date": "date", "region": "text", "units": "integer", "price": "number"}
    units, price = table.columns[2], table.columns[3]
    assert (units.missing, units.minimum, units.maximum, units.mean) == (1, "3", "5", 4.0)
    assert (price.minimum, price.maximum) == ("8.25", "10")
    assert table.columns[1].examples == ["North", "South"]
    assert (table.rows, table.rows_exact, table.sampled_rows) == (3, True, None)
    assert loaded(tmp_path / "sales.csv", table.load)["df"]["date"].dt.year.tolist() == [2024] * 3


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("a.csv", "cp949"), ("b.csv", "utf-16"), ("c.csv", "utf-8-sig"), ("d.csv", "utf-16-le"), ("e.csv", "utf-32")],
)
def test_encodings_are_found(tmp_path: Path, name: str, encoding: str) -> None:
    text = KOREAN if encoding != "utf-16-le" else "name,town\nAnn,Rome\nBob,Oslo\n"
    path = put(tmp_path, name, text.encode(encoding))
    found = profile(path)
    assert found.facts["encoding"] == encoding
    frame = loaded(path, found.load)["df"]
    assert frame.iloc[0, 0] in ("김철수", "Ann")


def test_an_encoding_that_shows_late_is_found(tmp_path: Path) -> None:
    data = b"name,age\n" + b"Ann,31\n" * 20_000 + "김철수,28\n".encode("cp949")
    assert profile(put(tmp_path, "a.csv", data)).facts["encoding"] == "cp949"


def test_western_letters_are_no_korean(tmp_path: Path) -> None:
    text = "stadt;straße\nMünchen;Königsallee\nKöln;Ährenweg\nDüsseldorf;Große Straße\n" * 3
    found = profile(put(tmp_path, "a.csv", text.encode("cp1252")))
    assert "München" in short(found, "a.csv")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a;b\n1,5;x\n2,25;y\n", 'sep=";", decimal=","'),
        ('a,b\n"1,200",x\n"3,400.5",y\n', 'thousands=","'),
        ("1\t2\n3\t4\n5\t6\n", 'sep="\\t", header=None, names=["column_1", "column_2"]'),
        ("a|b|c\n1|2|3\n4|5|6\n", 'sep="|"'),
    ],
)
def test_the_line_that_loads_a_csv_has_the_options_it_needs(tmp_path: Path, text: str, options: str) -> None:
    path = put(tmp_path, "t.csv", text.encode())
    found = profile(path)
    assert found.load == "df = pd.read_csv({name}, " + options + ")"
    frame = loaded(path, found.load)["df"]
    assert pd.api.types.is_numeric_dtype(frame.iloc[:, 0])


def test_a_line_of_totals_is_pointed_out_and_not_loaded(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"region,units\nNorth,3\nSouth,4\nTotal,7\n")
    found = profile(path)
    assert "looks like a total" in short(found, "a.csv")
    assert loaded(path, found.load)["df"]["units"].sum() == 7


def test_a_table_is_known_without_its_ending(tmp_path: Path) -> None:
    assert profile(put(tmp_path, "data", SALES.encode())).kind == "csv"
    assert profile(put(tmp_path, "notes.txt", b"Dear Ann, how are you?\nI am well, thanks.\nBye, Bob\n")).kind == "text"


def test_excel_sheets_have_their_headers_found(tmp_path: Path) -> None:
    path = put(tmp_path, "book.xlsx")
    sales, merged, hidden = profile(path).tables
    assert columns(sales) == {"Day": "date", "Region": "text", "Units": "integer", "Revenue": "number"}
    assert [column.name for column in merged.columns] == ["Region", "2023 Q1", "2023 Q2", "2024 Q1", "2024 Q2"]
    assert hidden.notes == ["This sheet is hidden."]
    for table in (sales, merged, hidden):
        frame = loaded(path, table.load)["df"]
        assert [str(name) for name in frame.columns] == [column.name for column in table.columns]
        assert len(frame) == table.rows
        assert [str(kind) for kind in frame.dtypes] == [column.dtype for column in table.columns]


def test_nested_json_has_a_shape(tmp_path: Path) -> None:
    path = put(tmp_path, "orders.json")
    found = profile(path)
    assert "    each: object" in found.structure
    assert columns(table_of(found)) == {
        "id": "integer", "items": "nested", "customer.name": "text", "customer.city": "text",
    }  # fmt: skip
    assert len(loaded(path, found.load)["df"]) == 2


def test_json_that_is_none_says_where(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "a.json", b'{"a": 1,\n "b": }'))
    assert found.notes == ["json.loads() fails: Expecting value: line 2 column 7 (char 15)."]


def test_pdf_pages_tables_and_metadata(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "tower.pdf"))
    assert (found.facts["pages"], found.facts["title"], found.facts["author"]) == (3, "The Tower", "Tim Tall")
    table = table_of(found)
    assert (table.name, table.head) == ("table on page 2", [["tea", "3.5"], ["cake", "1200"]])
    parts = sections(tmp_path / "tower.pdf")
    assert [part.page for part in parts] == [1, 2, 3]
    assert "swordfish-3" in parts[2].text


def test_word_headings_and_tables(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "report.docx"))
    assert found.structure == ["Report on Widgets", "Introduction", "Results"]
    assert found.facts["author"] == "Ann Author"
    assert columns(table_of(found)) == {"colour": "text", "days": "integer"}
    assert [part.heading for part in sections(tmp_path / "report.docx")] == found.structure


def test_slides_with_notes(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "plan.pptx"))
    assert found.structure == ["slide 1: Plan for spring", "slide 2: Budget"]
    assert (found.facts["slides"], found.facts["images"]) == (2, 1)
    budget = sections(tmp_path / "plan.pptx")[1]
    assert (budget.page, budget.heading) == (2, "Budget")
    assert "Notes: Ask for more" in budget.text


def test_html_without_its_scripts(tmp_path: Path) -> None:
    path = put(tmp_path, "prices.html")
    found = profile(path)
    assert found.structure == ["Fruit", "  Notes", "table 1: fruit, price"]
    assert "var x" not in found.preview
    assert [part.heading for part in sections(path)] == ["Fruit", "Notes"]


def test_markdown_and_code(tmp_path: Path) -> None:
    assert profile(put(tmp_path, "guide.md", MARKDOWN.encode())).structure == ["Guide", "Setup", "Usage"]
    assert profile(put(tmp_path, "tree.py")).structure == ["class Tree: grow", "def main(argv, depth)"]


def test_pictures_have_size_mode_and_exif(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "photo.jpg"))
    assert found.facts["size"] == "64 × 48 pixels"
    assert (found.facts["mode"], found.facts["camera_make"], found.facts["orientation"]) == ("RGB", "Camera Works", "6")


def test_an_archive_is_listed_and_not_unpacked(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "pack.zip"))
    assert found.structure == ["data/one.csv (92 bytes)", "../../evil.txt (1 bytes)"]
    assert [path.name for path in tmp_path.iterdir()] == ["pack.zip"]


def test_other_binary_data_has_a_size_at_least(tmp_path: Path) -> None:
    found = profile(put(tmp_path, "a.bin", b"\0\1\2\xff" * 5))
    assert short(found, "a.bin") == "- a.bin (20 bytes): binary data"
    assert profile(put(tmp_path, "b.bin", b"SQLite format 3\0" + bytes(100))).title == "SQLite database"


def test_a_stray_zero_makes_no_binary_file(tmp_path: Path) -> None:
    data = b"name,age\n" + b"Ann,31\n" * 100 + b"B\0b,28\n"
    assert profile(put(tmp_path, "a.csv", data)).kind == "csv"


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="empty"):
        profile(put(tmp_path, "a.csv", b""))


def test_a_large_csv_is_sampled_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("id,group,value\n")
        file.writelines(f"{at},g{at % 5},{at}.25{PADDING}\n" for at in range(300_000))
    found = profile(path)
    table = table_of(found)
    assert (table.rows, table.rows_exact) == (300_000, False)
    assert table.sampled_rows is not None
    assert 50_000 < table.sampled_rows < 250_000
    assert "Large: statistics rest on a sample of" in short(found, "large.csv")
    assert "about 300,000 rows" in short(found, "large.csv")
    assert int(table.columns[0].maximum or 0) > 290_000  # the sample reaches to the end
    assert table.columns[1].distinct == 5

"""Text tables: what the description says, and that the loaded table is what it says."""

import json
import re
import warnings
from pathlib import Path

import pandas as pd
import pytest

from tests.tools.files.text_tables import COLUMNS, ENCODINGS, PLACES, Case
from tools.files.profile import Profile, Table
from tools.files.registry import profile
from tools.files.render import long, short


def loaded(path: Path, table: Table) -> pd.DataFrame:
    """The table as a program gets it."""
    assert table.load is not None
    names: dict[str, object] = {"pd": pd}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(table.load.replace("{name}", json.dumps(str(path))), names)
    frame = names["df"]
    assert isinstance(frame, pd.DataFrame)
    return frame


def agrees(frame: pd.DataFrame, table: Table) -> None:
    """The description and the loaded table are the same."""
    assert list(frame.columns) == [column.name for column in table.columns]
    assert len(frame) == table.rows
    assert [str(kind) for kind in frame.dtypes] == [column.dtype for column in table.columns]
    assert [int(frame[name].isna().sum()) for name in frame] == [column.missing for column in table.columns]


def described(folder: Path, case: Case) -> tuple[Path, Profile]:
    path = folder / case.name
    path.write_bytes(case.text.encode(case.encoding))
    return path, profile(path)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (COLUMNS | PLACES | ENCODINGS).items()])
def test_a_table_is_loaded_as_described(tmp_path: Path, case: Case) -> None:
    path, found = described(tmp_path, case)
    frame = loaded(path, found.tables[0])
    assert eval(case.check, {"pd": pd, "df": frame}), f"{found.load}\n{frame}"
    agrees(frame, found.tables[0])
    for text in (short(found, case.name), long(found, case.name)):
        assert re.search(case.said, text), text


def test_each_of_several_tables_has_its_own_line(tmp_path: Path) -> None:
    text = "Sales\nregion,units\nN,3\nS,4\n\n\nCosts\nitem,price,vat\npen,1.5,0.2\nink,2.5,0.3\n\n"
    path, found = described(tmp_path, Case(text + "date,volume\n2024-01-01,5\n2024-01-02,6\n", ""))
    names = [table.name for table in found.tables]
    frames = [loaded(path, table) for table in found.tables]
    assert names == ["table 1: Sales", "table 2: Costs", "table 3"]
    assert [frame.iloc[:, 1].sum() for frame in frames] == [7, 4, 11]
    assert found.load is None
    for frame, table in zip(frames, found.tables, strict=True):
        agrees(frame, table)


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ann,\n\nthank you for your letter, which I got today.\nWe met in 2011, I think, and again in 2014.\n",
        "Name: Ann\nAge: 5\nTown: Oslo\nWeight: 12\n",
        "2024-01-05 10:00:00 INFO start\n2024-01-05 10:00:01 WARN slow query took 5 s\n2024-01-05 10:00:02 INFO end\n",
        "Roses are red\nViolets are blue\nSugar is sweet\nAnd so are you\n",
        "Chapter One      1\nChapter Two     15\nChapter Three   37\n",
    ],
)
def test_prose_is_no_table(tmp_path: Path, text: str) -> None:
    assert described(tmp_path, Case(text, "", name="t.txt"))[1].kind == "text"


def test_a_few_damaged_characters_make_no_other_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("name,n\nŁódź,1\nGdańsk,2\nKraków,3\nWrocław,4\n".encode() + b"Pozna\xf1,5\n")
    found = profile(path)
    assert found.load == 'df = pd.read_csv({name}, encoding_errors="replace")'
    assert list(loaded(path, found.tables[0])["name"])[:2] == ["Łódź", "Gdańsk"]


@pytest.mark.parametrize("rows", [4_000, 60_000])
def test_the_end_of_a_long_table_is_looked_at(tmp_path: Path, rows: int) -> None:
    """Longer than what is looked at record by record."""
    path = tmp_path / "t.csv"
    lines = [f"0{at:05},{at % 7},North and South of the river number {at}\n" for at in range(rows)]
    total = sum(at % 7 for at in range(rows))
    path.write_text(f"Report\n\nid,units,place\n{''.join(lines)}Total,{total},\n\nSource: us\n")
    found = profile(path)
    frame = loaded(path, found.tables[0])
    assert (frame["units"].sum(), frame["id"][0]) == (total, "000000")
    agrees(frame, found.tables[0])


@pytest.mark.parametrize("end", ["", "\nSource: us\n"])
@pytest.mark.parametrize("rows", [60_000, 400_000])
def test_a_row_that_is_too_long_deep_in_a_long_table_is_left_out(tmp_path: Path, rows: int, end: str) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{at},{at % 7},North and South of the river number {at}\n" for at in range(rows)]
    lines[rows - 300] = "1,2,x,y,z\n"
    path.write_text(f"id,units,place\n{''.join(lines)}{end}")
    found = profile(path)
    assert "more cells than the header" in short(found, "t.csv")
    frame = loaded(path, found.tables[0])
    assert (len(frame), frame["id"].max()) == (rows - 1, rows - 1)


def test_a_large_table_is_decided_from_a_sample_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("zip;price;day\n")
        for at in range(60):
            file.writelines(
                f"0{row % 9000:04};1.{row % 900 + 100},50;{row % 28 + 1:02}.03.2022\n" for row in range(at, at + 15_000)
            )
    found = profile(path)
    assert "sample" in short(found, "t.csv")
    frame = loaded(path, found.tables[0])
    assert (frame["zip"][0], frame["price"][0], str(frame["day"][0])) == ("00000", 1100.5, "2022-03-01 00:00:00")
    assert len(frame) == found.tables[0].rows


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("t.csv", b"a,b\nM\xfcller,1\n\x81,2\n" + b"K\xf6nig,3\n" * 20, 'encoding="cp1252", encoding_errors="replace"'),
        ("t.txt", b"M\xfcller, \x81 " + b"und K\xf6nig\n" * 20, 'read_text(encoding="cp1252", errors="replace")'),
        ("t.jsonl", b'{"a": "M\xfcller"}\n{"a": "K\xf6nig"}\n', 'precise_float=True, encoding="cp1252")'),
    ],
)
def test_bytes_that_are_no_characters_stop_no_program(tmp_path: Path, name: str, data: bytes, line: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = profile(path)
    assert found.load is not None
    assert line in found.load
    exec(found.load.replace("{name}", json.dumps(str(path))), {"pd": pd})

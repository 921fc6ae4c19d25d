"""JSON and JSON Lines: texts stay texts, integers stay exact."""

import json
from pathlib import Path

import pytest

from tests.tools.files.test_text_tables import agrees, loaded
from tools.files.registry import profile

LONG = 9007199254740993
CASES = {
    "digits": ([{"zip": "00501", "n": 1}, {"zip": "02134", "n": 2}], "list(df['zip']) == ['00501', '02134']"),
    "names of dates": (
        [{"timestamp": "1700000000", "created_at": 1700000000, "date": "NA"}],
        "df.iloc[0].tolist() == ['1700000000', 1700000000, 'NA']",
    ),
    "long integers": ([{"id": LONG}, {"id": 5}], f"df['id'].tolist() == [{LONG}, 5]"),
    "long integers with a gap": ([{"id": LONG, "p": None}, {"id": 2, "p": LONG}], f"int(df['p'][1]) == {LONG}"),
    "long integers below": ([{"n": {"x": None}}, {"n": {"x": LONG}}, {}], f"int(df['n.x'][1]) == {LONG}"),
    "long integers beside numbers": (
        [{"id": LONG, "v": 1, "s": "07"}, {"v": 2.5, "s": "1"}],
        f"int(df['id'][0]) == {LONG} and df['v'].sum() == 3.5 and df['s'][0] == '07'",
    ),
    "integers beyond 64 bits": ([{"id": 2**70}, {"id": None}], f"df['id'][0] == '{2**70}'"),
    "exact numbers": (
        [{"v": 0.1 + 0.2}, {"v": 1.1234567890123457}],
        "df['v'].tolist() == [0.1 + 0.2, 1.1234567890123457]",
    ),
    "years as names": ([{"2020": 1, "2021": "x"}], "list(df.columns) == ['2020', '2021']"),
    "nested": ([{"a": {"b": "01"}, "c": [1, 2]}], "df['a.b'][0] == '01'"),
}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize(("records", "check"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_records_are_loaded_as_they_are(tmp_path: Path, records: list[object], check: str, lines: bool) -> None:
    path = tmp_path / ("t.jsonl" if lines else "t.json")
    path.write_text("\n".join(map(json.dumps, records)) if lines else json.dumps(records))
    (table,) = profile(path).tables
    frame = loaded(path, table)
    assert eval(check, {"df": frame}), f"{table.load}\n{frame}"
    agrees(frame, table)


def test_records_under_a_key_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"made": "today", "rows": [{"id": LONG, "zip": "007"}, {"id": None, "zip": "1"}]}))
    (table,) = profile(path).tables
    frame = loaded(path, table)
    assert (int(frame["id"][0]), frame["zip"][0]) == (LONG, "007")


def test_broken_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": "01"}\n\n{"a": "02"\n{"a": "03"}\n')
    found = profile(path)
    assert found.notes == ["1 line is no valid JSON and left out."]
    assert list(loaded(path, found.tables[0])["a"]) == ["01", "03"]

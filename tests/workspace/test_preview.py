from pathlib import Path

from workspace.folder import file_info
from workspace.preview import preview


def show(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return preview(folder, file_info(folder, name))


def test_a_table_shows_columns_types_and_rows(tmp_path: Path) -> None:
    data = b"date,region,units,price\n2024-01-01,North,3,9.5\n2024-01-02,South,,10\n"
    text = show(tmp_path, "sales.csv", data)
    assert "sales.csv (68 bytes)" in text
    assert "date (date), region (text), units (integer), price (number)" in text
    assert "2024-01-01,North,3,9.5" in text


def test_another_separator_is_named(tmp_path: Path) -> None:
    assert "separator: ';'" in show(tmp_path, "a.csv", b"a;b\n1;2\n3;4\n5;6\n")


def test_text_shows_its_first_lines(tmp_path: Path) -> None:
    assert "hello" in show(tmp_path, "a.txt", b"hello\nworld\n")


def test_binary_shows_its_size_alone(tmp_path: Path) -> None:
    assert show(tmp_path, "a.bin", b"\0\1\2") == "- a.bin (3 bytes)"


def test_hostile_tables_are_no_trouble(tmp_path: Path) -> None:
    for data in (b"", b"\n\n", b'"' * 70_000, b"," * 70_000 + b"\n1,2", b"a" * 200_000, b"\xff\xfea\0b\0"):
        assert show(tmp_path, "x.csv", data).startswith("- x.csv")
        assert len(show(tmp_path, "y.csv", data)) < 20_000

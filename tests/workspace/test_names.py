import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace.errors import BadNameError
from workspace.names import MAX_BYTES, free_name, inside, safe_name


@given(st.text())
def test_any_label_becomes_a_plain_name(label: str) -> None:
    name = safe_name(label)
    assert name
    assert len(name.encode()) <= MAX_BYTES + 64
    assert "/" not in name
    assert "\\" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
    assert {c for c in name if unicodedata.category(c) == "Cf"} <= set("\u200c\u200d")
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("sales.csv", "sales.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\report 1.xlsx", "report 1.xlsx"),
        ("매출.csv", "매출.csv"),
        ("a\u202eexe.csv", "aexe.csv"),
        ("a\nb.csv", "ab.csv"),
        (".bashrc", "bashrc"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".csv", "x" * (MAX_BYTES - 4) + ".csv"),
    ],
)
def test_hostile_labels(label: str, name: str) -> None:
    assert safe_name(label) == name


def test_a_taken_name_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "a-2.csv").symlink_to("/nowhere")
    assert free_name(tmp_path, "a.csv") == "a-3.csv"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "", ".", "a/../../x", "a\0b", "link", "link/passwd"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(BadNameError):
        inside(tmp_path, path)


def test_a_file_inside_is_found(tmp_path: Path) -> None:
    assert inside(tmp_path, "sub/a.txt") == tmp_path.resolve() / "sub" / "a.txt"

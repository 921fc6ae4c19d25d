"""The line of Python that a profile suggests finds the same words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.documents import other_cases, pdf_cases, word_cases
from tests.tools.files.test_formats import loaded
from tools.files.registry import profile


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.docx", word_cases.controls, "The landlord is Orla Brandt."),
        ("a.docx", word_cases.revisions, "The ship carries 65 crates from the new quay"),
        ("a.docm", word_cases.macro_document, "The macro budget is 7,707 pesos."),
        ("a.odt", other_cases.open_text, "Smoker in shed 4"),
        ("a.rtf", lambda: other_cases.RTF, "a month."),
    ],
)
def test_the_text_is_loaded(tmp_path: Path, name: str, make: Callable[[], bytes], words: str) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    assert words in loaded(path, profile(path).load)["text"]


def test_the_fields_of_a_form_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "form.pdf"
    path.write_bytes(pdf_cases.form())
    assert loaded(path, profile(path).load)["fields"]["a2"] == "WVX 5520 B"


def test_the_cells_of_a_table_with_tracked_changes_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    cell = f'<w:tc><w:p><w:ins w:id="1" w:author="Ida">{word_cases.run("{}")}</w:ins></w:p></w:tc>'
    rows = "".join(f"<w:tr>{cell.format(a)}{cell.format(b)}</w:tr>" for a, b in (("crop", "tons"), ("rye", "12")))
    path.write_bytes(word_cases.body(f"<w:tbl>{rows}</w:tbl>"))
    table = profile(path).tables[0]
    assert table.head == [["rye", "12"]]
    assert loaded(path, table.load)["rows"] == [["crop", "tons"], ["rye", "12"]]

"""What a model reads of a program's result."""

import pytest

from tools.coding.observation import observation
from workspace.output import CellResult

TABLE = "   zip  n\n0    1  3\n"


@pytest.mark.parametrize(
    ("stdout", "shown"),
    [
        (TABLE, "   zip  n\n0    1  3"),
        ("\n\n" + TABLE + "\n\n", "   zip  n\n0    1  3"),
        ("  \n   x\n", "   x"),
        ("\n", ""),
        ("\tindented\n", "\tindented"),
    ],
)
def test_leading_blanks_stay(stdout: str, shown: str) -> None:
    assert observation(CellResult(status="ok", stdout=stdout)) == shown


def test_the_value_of_the_last_line_keeps_its_blanks() -> None:
    assert observation(CellResult(status="ok", value=TABLE)) == TABLE


def test_late_output_is_told_apart() -> None:
    told = observation(CellResult(status="ok", stdout="own\n", late="late\n"))
    assert told == ("Note: threads that earlier programs started have printed:\nlate\nThe output of this program:\nown")


def test_a_restart_is_told_with_its_reason() -> None:
    assert "(memory: 9 MB in use)" in observation(CellResult(status="ok", restarted="memory: 9 MB in use"))

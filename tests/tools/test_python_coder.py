from hypothesis import given
from hypothesis import strategies as st

from tools.coding.observation import LOST, cut_middle, observation
from workspace.output import CellError, CellResult


def test_the_observation_holds_what_a_model_needs() -> None:
    lost = LOST.format(names="gen (generators cannot be saved)")
    error = CellError("KeyError", "'Revenu'", 3, "    df['Revenu']")
    result = CellResult(
        "error", stdout="a\n", error=error, new_files=["p.png"], lost={"gen": "generators cannot be saved"}
    )
    told = "Line 3: df['Revenu']\nKeyError: 'Revenu'\nThere is no column or key 'Revenu'."
    assert observation(result) == f"{lost}\na\n{told}\nNew files: p.png"


def test_a_time_out_says_what_to_do() -> None:
    assert "much faster method" in observation(CellResult("timeout", seconds=60))


@given(st.text(alphabet="ab\n", max_size=400), st.integers(20, 100))
def test_long_output_is_cut_in_the_middle(text: str, limit: int) -> None:
    cut = cut_middle(text, limit)
    if len(text) <= limit:
        assert cut == text
    else:
        head, _, tail = cut.partition("\n… [")
        assert text.startswith(head)
        assert text.endswith(tail.partition("left out] …\n")[2])
        assert len(cut) < limit + 50

import pytest

from tools.coding.advice import advice
from workspace.output import CellError

FILES = ["notes.md", "old.xlsx", "sales.csv", "plot.png"]


@pytest.mark.parametrize(
    ("name", "message", "files", "told"),
    [
        ("NameError", "name 'df' is not defined", FILES, 'df = pd.read_csv("sales.csv")'),
        ("NameError", "name 'df' is not defined", FILES[:2], 'df = pd.read_excel("old.xlsx")'),
        ("NameError", "name 'df' is not defined", [], "has to define it"),
        ("NameError", "name 'math' is not defined", FILES, "import math"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'sale.csv'", FILES, "sales.csv"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'sale.csv'", [], "none"),
        ("KeyError", "'score'", FILES, 'read the right one anew: df = pd.read_csv("sales.csv")'),
        ("KeyError", "'score'", [], "no column or key 'score'"),
        ("AttributeError", "Can only use .dt accessor with datetimelike values", FILES, "pd.to_datetime"),
        ("TypeError", "Could not convert string 'OsloRome' to numeric", FILES, 'select_dtypes("number")'),
        ("ValueError", "could not convert string to float: 'Oslo'", FILES, 'select_dtypes("number")'),
        ("TypeError", "datetime64 type does not support operation 'sum'", FILES, 'groupby("g")["a"]'),
        ("ValueError", "Input X contains NaN.", FILES, "dropna"),
        ("ModuleNotFoundError", "No module named 'polars'", FILES, "pandas"),
    ],
)
def test_a_common_error_comes_with_the_way_out(name: str, message: str, files: list[str], told: str) -> None:
    assert told in advice(CellError(name, message), files)


def test_a_variable_that_is_taken_for_a_column_is_told() -> None:
    code = "ratio = df['a'] / df['b']\nprint(df['ratio'].mean())"
    assert advice(CellError("KeyError", "'ratio'"), FILES, code).endswith("df['ratio'] = ratio")


def test_other_errors_speak_for_themselves() -> None:
    assert advice(CellError("ZeroDivisionError", "division by zero"), FILES) == ""

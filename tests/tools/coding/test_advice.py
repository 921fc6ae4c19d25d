import pytest

from tools.coding.advice import ErrorContext, advice
from tools.files.joins import Linked
from workspace.output import CellError

TABLES = {
    "staff.csv": Linked(("person", "office", "salary"), 'pd.read_csv("staff.csv")'),
    "budget.csv": Linked(("office", "budget"), 'pd.read_csv("budget.csv")'),
}
JOINED = 'df = pd.read_csv("staff.csv").merge(pd.read_csv("budget.csv"), on=\'office\')'
FILES = ["notes.md", "old.xlsx", "sales.csv", "plot.png"]


@pytest.mark.parametrize(
    ("name", "message", "files", "told"),
    [
        ("NameError", "name 'df' is not defined", FILES, 'df = pd.read_csv("sales.csv")'),
        ("NameError", "name 'df' is not defined", FILES[:2], 'df = pd.read_excel("old.xlsx")'),
        ("NameError", "name 'df' is not defined", ['a"b.csv'], 'df = pd.read_csv("a\\"b.csv")'),
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
    assert told in advice(CellError(name, message), ErrorContext(files))


def test_a_variable_that_is_taken_for_a_column_is_told() -> None:
    code = "ratio = df['a'] / df['b']\nprint(df['ratio'].mean())"
    assert advice(CellError("KeyError", "'ratio'"), ErrorContext(FILES, code=code)).endswith("df['ratio'] = ratio")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("KeyError", "'budget'"),
        ("KeyError", "'Column not found: budget'"),
        ("AttributeError", "'DataFrameGroupBy' object has no attribute 'budget'"),
    ],
)
def test_a_column_of_another_table_is_told_with_the_join_that_has_it(name: str, message: str) -> None:
    code = "budget = df.groupby('office')['budget'].sum()\nprint(df['salary'].sum() - budget)"
    told = advice(CellError(name, message), ErrorContext(list(TABLES), TABLES, code))
    assert "a column of budget.csv" in told
    assert told.endswith(JOINED)


def test_an_unknown_column_comes_with_the_known_ones() -> None:
    told = advice(CellError("KeyError", "'pay'"), ErrorContext(list(TABLES), TABLES))
    assert "staff.csv: person, office, salary; budget.csv: office, budget" in told


def test_a_method_that_does_not_exist_is_no_column() -> None:
    error = CellError("AttributeError", "'DataFrame' object has no attribute 'append'")
    assert advice(error, ErrorContext(list(TABLES), TABLES)) == ""


def test_other_errors_speak_for_themselves() -> None:
    assert advice(CellError("ZeroDivisionError", "division by zero"), ErrorContext(FILES)) == ""

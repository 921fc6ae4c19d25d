import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.coding.repair import repaired


def test_leading_zeros_of_dates_go() -> None:
    code = "from datetime import date\nd = date(2024, 03, 09) - date(2021, 08, 01)\nx = 0.05 + 100"
    assert repaired(code) == "from datetime import date\nd = date(2024, 3, 9) - date(2021, 8, 1)\nx = 0.05 + 100"


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        (r"\n    import math\n    print(math.pi)\n    ", "import math\nprint(math.pi)"),
        (r"for x in (1, 2):\n\tprint(\"a\\n\", x)", 'for x in (1, 2):\n\tprint("a\\n", x)'),
        (r"print('a\nb')", r"print('a\nb')"),
        (r"x = \n y", r"x = \n y"),
    ],
)
def test_a_program_escaped_twice_gets_its_lines_back(code: str, mended: str) -> None:
    assert repaired(code) == mended


def test_other_errors_stay_as_they_are() -> None:
    for code in ("def f(:", "print('01')", "x = 0x0F", "", "\0"):
        assert repaired(code) == code


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("df['a'].fillna(df['a'].mean(), inplace=True)", "df['a'] = df['a'].fillna(df['a'].mean())"),
        (
            "for c in x:\n    df[c].replace('é', 0, inplace=True); f(c)",
            "for c in x:\n    df[c] = df[c].replace('é', 0); f(c)",
        ),
        ("df.a.fillna(\n    inplace=True,\n    value=3)\nx = 1", "df.a = df.a.fillna(value=3)\nx = 1"),
        (
            "df['a'].ffill(inplace=True); df['b'].ffill(inplace=True)",
            "df['a'] = df['a'].ffill(); df['b'] = df['b'].ffill()",
        ),
        ("df.fillna(0, inplace=True)", "df.fillna(0, inplace=True)"),
        ("df['a'].fillna(0, inplace=False)", "df['a'].fillna(0, inplace=False)"),
        ("y = df['a'].fillna(0, inplace=True)", "y = df['a'].fillna(0, inplace=True)"),
    ],
)
def test_a_column_changed_in_place_is_assigned(code: str, mended: str) -> None:
    assert repaired(code) == mended


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ('x = df.groupby("g").sum()["a"]', 'x = df.groupby("g")["a"].sum()'),
        ("df.groupby(['g', 'h']).mean()['a'].idxmax()", "df.groupby(['g', 'h'])['a'].mean().idxmax()"),
        ('df.groupby("g").sum()[["a", "b"]]', 'df.groupby("g").sum()[["a", "b"]]'),
        ('df.groupby("g").sum()[key]', 'df.groupby("g").sum()[key]'),
        ('df.groupby("g").sum().loc["a"]', 'df.groupby("g").sum().loc["a"]'),
    ],
)
def test_the_column_is_chosen_before_it_is_added_up(code: str, mended: str) -> None:
    assert repaired(code) == mended


@pytest.mark.parametrize(
    "written",
    [
        'python_coder("""\nx = 6\nprint(x * 7)\n""")',
        'python_coder(code="x = 6\\nprint(x * 7)")',
        'print(python_coder("""\n    x = 6\n    print(x * 7)\n"""))',
        'result = python_coder("x = 6\\nprint(x * 7)")',
    ],
)
def test_regression_a_call_of_the_tool_itself_is_the_program_in_it(written: str) -> None:
    assert repaired(written) == "x = 6\nprint(x * 7)"


@pytest.mark.parametrize(
    "code", ["python_coder(program)", 'python_coder("x", 2)', 'print("python_coder")', 'python_coder("x")\nprint(1)']
)
def test_other_programs_that_name_the_tool_stay(code: str) -> None:
    assert repaired(code) == code


@given(st.text(alphabet="date(0123456789,)\n .=", max_size=60))
def test_it_never_raises_and_never_breaks_what_parses(code: str) -> None:
    mended = repaired(code)
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return
    assert mended == code


def test_regression_many_slips_took_minutes() -> None:
    began = time.process_time()
    repaired("x = 01\n" * 14_000)
    assert time.process_time() - began < 20

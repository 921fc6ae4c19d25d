import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.coding.missing_read import uses_before_binding


@pytest.mark.parametrize(
    "code",
    [
        "print(df.head())",
        "df = df[df['a'] > 1]",
        "df['b'] = df['a'] * 2",
        "import numpy as np\nx = 1\nfor c in df.columns:\n    print(c)",
        "def f(x):\n    return x\nprint(f(df))",
    ],
)
def test_a_table_used_before_it_is_read_is_seen(code: str) -> None:
    assert uses_before_binding(code, "df")


@pytest.mark.parametrize(
    "code",
    [
        "df = pd.read_csv('a.csv')\nprint(df)",
        "for df in parts:\n    print(df)",
        "with x as df:\n    print(df)",
        "print([df.sum() for df in parts])",
        "parts.apply(lambda df: df.sum())",
        "from tables import df\nprint(df)",
        "def df():\n    pass\nprint(df)",
        "try:\n    df\nexcept NameError:\n    df = 1",
        "print(1)",
        "print('df')",
        "df = (",
    ],
)
def test_where_there_is_doubt_nothing_is_done(code: str) -> None:
    assert not uses_before_binding(code, "df")


@given(st.text(alphabet="df= [](){}:,'\nxforinlambda.", max_size=80))
def test_it_never_raises(code: str) -> None:
    uses_before_binding(code, "df")

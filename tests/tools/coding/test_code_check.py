import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.coding.code_check import refusal


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import pandas as pd\nimport requests", "Line 2: the module requests cannot be used: there is no network"),
        ("from urllib.request import urlopen", "the module urllib.request cannot be used"),
        ("from urllib import request", "the module urllib.request cannot be used"),
        ("import http.client as c", "the module http.client cannot be used"),
        ("x = int(input('n?'))", "input() cannot be used: nobody can type here"),
        ("import os\nos._exit(1)", "os._exit() cannot be used"),
        ("import turtle", "there is no screen"),
    ],
)
def test_what_cannot_work_is_answered_in_words(code: str, said: str) -> None:
    assert said in (refusal(code) or "")


@pytest.mark.parametrize(
    "code", ["import urllib.parse", "import pandas", "df.input = 1", "print('import requests')", "def f(:", "import os"]
)
def test_what_can_work_is_left_alone(code: str) -> None:
    assert refusal(code) is None


@given(st.text())
def test_it_never_raises(code: str) -> None:
    refusal(code)


def test_regression_a_long_chain_of_calls_was_an_internal_error() -> None:
    assert refusal("y = x" + ".replace(1, 2)" * 1000) is None

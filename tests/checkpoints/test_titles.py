import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.titles import MAX_TITLE, title_of


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is the capital of France?", "What is the capital of France?"),
        ("  What   is\nthis? And that?", "What is this?"),
        ("Hi. Please sum the column revenue. Then plot it.", "Hi. Please sum the column revenue."),
        ("Version 3.11 of Python, what is new?", "Version 3.11 of Python, what is new?"),
        ("# Task\n- sum the numbers\n- plot them", "Task sum the numbers plot them"),
        ("Why does this fail?\n```python\nprint(1/0)\n```\nThanks.", "Why does this fail?"),
        ("```python\nprint(1)\n```\nWhat does it print?", "What does it print?"),
        ("```\nprint(1)\n```", "print(1)"),
        ("매출이 가장 높은 지역은? 그리고 평균은?", "매출이 가장 높은 지역은?"),
        ("이 파일의 열은 무엇이고 합계는 얼마입니까? 그리고 평균은?", "이 파일의 열은 무엇이고 합계는 얼마입니까?"),
        ("今日の東京の天気を教えてください。明日は?", "今日の東京の天気を教えてください。"),
        ("a\u202eb\x00c\u200bd", "a b c d"),
        ("", ""),
    ],
)
def test_the_first_sentence_is_the_title(question: str, title: str) -> None:
    assert title_of(question) == title


def test_a_long_sentence_is_cut_between_words() -> None:
    title = title_of("word " * 100)
    assert title.endswith("word…")
    assert len(title) <= MAX_TITLE
    assert len(title_of("x" * 500)) == MAX_TITLE


@given(st.text())
def test_a_title_is_one_short_line(question: str) -> None:
    title = title_of(question)
    assert len(title) <= MAX_TITLE
    assert len(title.splitlines()) <= 1


def test_regression_a_million_characters_without_a_full_stop_take_no_time() -> None:
    began = time.perf_counter()
    title_of("x" * 1_000_000)
    title_of("`" * 1_000_000)
    assert time.perf_counter() - began < 1

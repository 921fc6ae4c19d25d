"""JSON as models write it: what is read exactly, what is repaired, and how long hostile text takes."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.parsing.broken_json import MAX_REPAIRED, read_json, repair_object

PROGRAM = 'df = {"a": [1]}\nprint(df["a"], \'b\', "\\n")  # it\'s'
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"cats"', "cats"),
        ('{"code": "a\nb\tc"}', {"code": "a\nb\tc"}),
        ('{"code": "a\nb', {"code": "a\nb"}),
        ('{"code": "a', {"code": "a"}),
        ('{"code": "a\\', {"code": "a"}),
        ('{"code": "a", "files": ["x.csv"', {"code": "a", "files": ["x.csv"]}),
        ('{"a": 1}}', {"a": 1}),
        ('{"a": 1} And so on.', {"a": 1}),
        ("{'a': None, 'b': True,}", {"a": None, "b": True}),
        ('{"a": 1 "b": 2}', None),
        ('{"code": "print("hi")"}', None),
        ("{'a': {1, 2}}", None),
        ("{'a': print(1)}", None),
        ("true enough", None),
        ("cats", None),
        ("", None),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    assert read_json(text) == value


@given(st.dictionaries(st.text(), plain, max_size=3), st.data())
def test_the_beginning_of_an_object_is_read_as_far_as_it_goes(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    assert read_json(text) == value
    assert read_json(repr(value)) == value
    assert isinstance(read_json(text[: data.draw(st.integers(1, len(text)))]), dict)


@given(st.integers(0, len(json.dumps(PROGRAM))))
def test_a_program_that_is_cut_off_is_not_changed(cut: int) -> None:
    code = read_json('{"code": ' + json.dumps(PROGRAM)[:cut]).get("code", "")
    assert PROGRAM.startswith(code)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{filename: "a.png", question: "what?"}', {"filename": "a.png", "question": "what?"}),
        ('[{"a": 1}]', None),
        ("cats", None),
        ("", None),
        ('{"a": "' + "x" * MAX_REPAIRED, None),
    ],
)
def test_what_is_repaired(text: str, value: Any) -> None:
    assert repair_object(text) == value


@given(st.text())
def test_nothing_but_an_object_comes_of_a_repair(text: str) -> None:
    for begun in (text, "{" + text):
        repaired = repair_object(begun)
        assert repaired is None or isinstance(repaired, dict)
        read_json(begun)


HOSTILE = {
    "spaces": " ",
    "braces": "{",
    "brackets": "[",
    "keys": '{"a":',
    "quotes": '"',
    "escapes": '\\"#',
    "strings": '"a" ',
    "long strings": '"""[',
    "backslashes": "\\",
    "minus": "-",
    "items": '"a": 1, ',
}


@pytest.mark.parametrize("begin", ["", '{"a": "', "{'a': '", '{"a": 1, "query": '])
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_no_time(begin: str, unit: str) -> None:
    """The worst of thousands took 0.1 s; what grows with the square of the length takes a minute."""
    text = begin + unit * (100_000 // len(unit))
    began = time.process_time()
    read_json(text)
    repair_object(text)
    assert time.process_time() - began < 2

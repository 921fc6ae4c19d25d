"""Thoughts inside a reply's text: the pieces of the stream do not affect the result."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.parsing.thoughts import TAGS, Thought, ThoughtReader


def read(text: str, sizes: list[int]) -> tuple[str, str]:
    """`(thoughts, words)`; no thought comes after a word."""
    reader, at, parts = ThoughtReader(), 0, []
    for size in [*sizes, len(text)]:
        parts += reader.feed(text[at : at + size])
        at += size
    parts += reader.flush()
    kinds = [isinstance(part, Thought) for part in parts]
    assert kinds == sorted(kinds, reverse=True)
    assert all(part.text for part in parts)
    thoughts, words = (
        "".join(part.text for part in parts if isinstance(part, Thought) is kind) for kind in (True, False)
    )
    return thoughts, words


@pytest.mark.parametrize(
    ("text", "thoughts", "words"),
    [
        ("<think>I greet.</think>hello", "I greet.", "hello"),
        ("\n<think>\nI greet.\n</think>\n\nhello ", "I greet.\n", "hello "),
        ("<think>\n\n</think>\n\nhello", "", "hello"),
        ("<thinking>hm</thinking>hello", "hm", "hello"),
        ("[THINK]a </think> b[/THINK]hello", "a </think> b", "hello"),
        ("<think>never closed </thi", "never closed </thi", ""),
        ("<think>", "", ""),
        (" <thin", "", " <thin"),
        (" <thick>", "", " <thick>"),
        ("the tag <think> opens, </think> closes", "", "the tag <think> opens, </think> closes"),
        ("<think>a</think><think>b</think>c", "a", "<think>b</think>c"),
        ("", "", ""),
        (" \n", "", " \n"),
    ],
)
def test_thoughts_and_words(text: str, thoughts: str, words: str) -> None:
    assert read(text, []) == (thoughts, words)
    assert read(text, [1] * len(text)) == (thoughts, words)


PIECES = st.sampled_from([*TAGS, *TAGS.values(), "<th", "ink>", "</", "[", "\n", " ", "a", "word"])


@given(st.lists(PIECES).map("".join) | st.text(), st.lists(st.integers(1, 5)))
def test_cutting_changes_nothing_and_no_text_is_lost(text: str, sizes: list[int]) -> None:
    thoughts, words = read(text, sizes)
    assert (thoughts, words) == read(text, [])
    said = text.lstrip()
    begin = next((tag for tag in TAGS if said.startswith(tag)), None)
    if begin is None:
        assert (thoughts, words) == ("", text)
        return
    inside, _, outside = said.removeprefix(begin).partition(TAGS[begin])
    assert (thoughts, words) == (inside.lstrip(), outside.lstrip())

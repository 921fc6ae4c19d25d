from hypothesis import given
from hypothesis import strategies as st

from llm.parsing.text_stream import TextStream


def run(data: bytes, sizes: list[int], stop: list[str]) -> tuple[str, bool]:
    stream = TextStream(stop)
    out, at = "", 0
    for size in [*sizes, len(data)]:
        out += stream.feed(data[at : at + size])
        at += size
    return out + stream.flush(), stream.stopped


@given(st.text(), st.lists(st.integers(1, 4)), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_any_cutting_gives_the_text_up_to_the_first_stop(text: str, sizes: list[int], stop: list[str]) -> None:
    hits = [text.find(s) for s in stop if s in text]
    out, stopped = run(text.encode(), sizes, stop)
    if not hits:
        assert (out, stopped) == (text, False)
    else:
        assert stopped
        assert text.startswith(out)
        assert not any(s in out for s in stop)


def test_nothing_of_a_stop_string_ever_leaves() -> None:
    stream = TextStream(["\nObservation:"])
    out = "".join(stream.feed(c.encode()) for c in "done\nObservation: made up")
    assert out == "done"
    assert stream.stopped


def test_a_character_cut_in_two_leaves_whole() -> None:
    stream = TextStream()
    euro = "€".encode()
    assert stream.feed(euro[:1]) == ""
    assert stream.feed(euro[1:]) == "€"


def test_what_was_held_back_comes_at_the_end() -> None:
    stream = TextStream(["stop"])
    assert stream.feed(b"a st") == "a "
    assert stream.flush() == "st"

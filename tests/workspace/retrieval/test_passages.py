"""How documents are split into passages."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workspace.retrieval.hashing import HashedWords, Piece
from workspace.retrieval.passages import cut

SPANS = HashedWords().spans
TEXTS = st.lists(st.sampled_from(["one", "two.", "three\n", "four!", "five\n\n", "seven?\n\n", "eight,"]), max_size=300)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(2, 40), st.integers(0, 10))
def test_passages_cover_the_text_and_keep_to_their_size(words: list[str], size: int, overlap: int) -> None:
    text = " ".join(words)
    passages, more = cut([Piece(text, position=7)], SPANS, size, min(overlap, size // 2), 10_000)
    assert not more
    covered: set[int] = set()
    for passage in passages:
        start = passage.position - 7
        assert text[start : start + len(passage.text)] == passage.text
        assert 0 < len(SPANS(passage.text)) <= size
        covered.update(range(start, start + len(passage.text)))
    assert all(text[at].isspace() for at in range(len(text)) if at not in covered)
    assert [p.position for p in passages] == sorted({p.position for p in passages})


def test_paragraphs_are_kept_whole() -> None:
    text = "\n\n".join(" ".join([f"p{at}"] * 12) + "." for at in range(6))
    passages, _ = cut([Piece(text)], SPANS, 30, 0, 100)
    assert [p.text.count("\n\n") for p in passages] == [1, 1, 1]


def test_sentences_are_repeated_within_a_section_and_never_across() -> None:
    first = " ".join(f"Sentence {at} has six words." for at in range(20))
    passages, _ = cut([Piece(first, page=1), Piece("Another page.", page=2, position=900)], SPANS, 25, 7, 100)
    assert all(a.text.endswith(b.text[:24]) or b.text[:24] in a.text for a, b in pairwise(passages[:-1]))
    assert (passages[-1].text, passages[-1].page, passages[-1].position) == ("Another page.", 2, 900)


def test_a_document_without_end_is_cut_and_says_so() -> None:
    passages, more = cut([Piece("word " * 1000)], SPANS, 10, 0, 5)
    assert (len(passages), more) == (5, True)


def test_one_word_longer_than_a_passage() -> None:
    passages, _ = cut([Piece("x" * 5000)], SPANS, 10, 3, 5)
    assert [len(p.text) for p in passages] == [5000]

import pytest

from tools.question import Question, addresses, named, sort_files, wants_computing


@pytest.mark.parametrize(
    ("question", "expected"),
    [("What is 17!/13! ?", True), ("What is 2^10?", True), ("Hello! 3 of us are here.", False)],
)
def test_sums_are_seen_factorials_too(question: str, expected: bool) -> None:
    assert wants_computing(question) is expected


def test_addresses_lose_the_sentence_around_them() -> None:
    assert addresses("Read https://a.example/x?y=1, then (http://b.example).") == [
        "https://a.example/x?y=1",
        "http://b.example",
    ]


def test_files_are_named_with_or_without_their_ending() -> None:
    assert named("compare Sales.CSV and the pump manual", ["sales.csv", "pump manual.pdf", "b.txt"]) == [
        "sales.csv",
        "pump manual.pdf",
    ]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Compare photo.png with https://a.example/x", "addresses"),
        ("Is photo.png drawn from sales.csv?", "images"),
        ("Does sales.csv agree with pump.pdf?", "tables"),
        ("What does pump.pdf say?", "documents"),
        ("What is in b.zip?", None),
    ],
)
def test_of_several_things_that_it_names_one_is_the_subject(text: str, subject: str | None) -> None:
    files = sort_files(["sales.csv", "pump.pdf", "photo.png", "b.zip"])
    assert Question.of(text, files).subject == subject

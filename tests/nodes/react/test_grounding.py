import pytest

from nodes.react.grounding import is_told, unsupported_numbers


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        ("The sum is 76127.", "76127"),
        ("The sum is 76,127.", "76127"),
        ("It is 12.315.", "12.315302134607444"),
        ("It is 12.3 %.", "0.1231"),
        ("About -3.5 degrees", "-3.4987"),
        ("No numbers here", "1"),
        ("It is 7:\n```python\nprint(sum(range(99)))\n```", "7"),
        ("In 2024 it was 7.", "Question: what was it in 2024? 7"),
    ],
)
def test_supported(answer: str, evidence: str) -> None:
    assert unsupported_numbers(answer, [evidence]) == []


@pytest.mark.parametrize(
    ("answer", "evidence", "wrong"),
    [
        ("It is 8653.25.", "8563.25", ["8653.25"]),
        ("It is 85,63.25.", "8563.25", ["85", "63.25"]),
        ("9", "", ["9"]),
        ("```\n9\n```", "", ["9"]),
    ],
)
def test_unsupported(answer: str, evidence: str, wrong: list[str]) -> None:
    assert unsupported_numbers(answer, [evidence]) == wrong


@pytest.mark.parametrize(
    ("result", "asked", "answer", "told"),
    [
        ("37 * 43 is 1591.", "Compute 37 * 43", "It is 1591.", True),
        ("37 * 43 is 1591.", "Compute 37 * 43", "37 and 43 are numbers.", False),
        ("120.11475", "Compute the mean", "The mean is 120.1.", True),
        ("There are 61 smokers among 180 patients.", "Count the smokers", "61 smoke.", True),
        ("1597 is prime.", "Is 1597 prime?", "1597 is a prime number.", True),
        ("1597 is prime.", "Is 1597 prime?", "The sum is 31375.", False),
        ("The shelf sells best.", "Which product sells best?", "The best is the SHELF.", True),
        ("The shelf sells best.", "Which product sells best?", "There are 240 orders.", False),
        ("", "Anything?", "Nothing.", True),
    ],
)
def test_told(result: str, asked: str, answer: str, told: bool) -> None:
    assert is_told(result, asked, answer) is told

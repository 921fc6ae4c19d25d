import pytest

from nodes.evidence import unsupported_numbers


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

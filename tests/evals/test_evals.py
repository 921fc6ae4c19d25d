"""The evaluation itself: checks that are neither too lenient nor too strict, balanced halves, correct tables."""

from collections import Counter
from pathlib import Path

import pytest

from evals import results
from evals.answers import both, numbers, slots, words
from evals.results import Result, interval
from evals.tasks import KINDS, all_tasks, da_tasks


def test_the_sets_are_as_large_as_they_say_and_half_is_held_back() -> None:
    tasks = all_tasks()
    assert len(tasks) >= 60
    assert set(Counter(task.kind for task in tasks)) == set(KINDS)
    questions = da_tasks()
    assert len(questions) >= 30
    for found in (tasks, questions):
        assert len({task.name for task in found}) == len(found)
        for kind in {task.kind for task in found}:
            halves = Counter(task.half for task in found if task.kind == kind)
            assert abs(halves["dev"] - halves["test"]) <= 1
    assert all(turn.check("") is not None for task in tasks + questions for turn in task.turns)
    assert all(task.files for task in questions)


def test_tables_are_the_same_everywhere() -> None:
    first, second = (
        {task.name: dict(task.files) for task in all_tasks() if not any(n.endswith("xlsx") for n in task.files)}
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("The total is 1,234.57.", True),
        ("1234.567", True),
        ("about 1234.6", False),
        ("Total: -1234.57", False),
        ("v1234.57.2", False),
    ],
)
def test_numbers_are_read_as_a_person_would(text: str, right: bool) -> None:
    assert (numbers(1234.567)(text) is None) == right


def test_whole_numbers_have_to_be_exact() -> None:
    assert numbers(12)("There are 12 of them") is None
    assert numbers(12)("There are 120 of them, or 12.4") is not None


def test_words_and_alternatives() -> None:
    check = both(words("Oslo", "fjord|sea"), numbers(3))
    assert check("OSLO lies at the sea, 3 times") is None
    assert check("Oslo, 3") == "missing fjord|sea"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@mean[3.50], @city[oslo]", None),
        ("It is @mean[3.504] and @city['Oslo'].", None),
        ("@mean[3.52], @city[Oslo]", "value: @mean[3.52], not 3.5"),
        ("@mean[3.5 or 4], @city[Oslo]", "value: @mean[3.5 or 4], not 3.5"),
        ("@mean[3.5]", "format: no @city[…]"),
        ("@mean[3.5], @mean[4], @city[Oslo]", "format: several @mean[…]"),
        ("@3.5[mean], @city[Oslo]", "format: no @mean[…]"),
    ],
)
def test_slots(text: str, said: str | None) -> None:
    assert slots({"mean": 3.5, "city": "Oslo"})(text) == said


def test_the_interval_is_wilsons() -> None:
    low, high = interval(8, 18)
    assert (round(low, 3), round(high, 3)) == (0.246, 0.663)
    assert interval(0, 10)[0] == 0.0
    assert interval(0, 0) == (0.0, 1.0)


def test_results_survive_the_file_and_are_told_by_kind(tmp_path: Path) -> None:
    def made(task: str, kind: str, wrong: str | None, answer: str = "x", steps: int = 1) -> Result:
        return Result(task, kind, "test", "ours", wrong, [answer], 2, 100, 50, 3.0, "react", steps)

    for result in (made("a", "table", None), made("b", "table", "missing 4"), made("c", "talk", "format: no @a[…]")):
        results.append(tmp_path / "r.jsonl", result)
    found = results.load(tmp_path / "r.jsonl")
    assert found[0] == made("a", "table", None)
    lines = results.table(found).splitlines()
    assert lines[2].startswith("| **ours** | 1 of 3 | 6–79 % | 2.0 | 100 | 50 | 450 | 3 |")
    assert [line.split("|")[1].strip() for line in lines[3:]] == ["– table", "– talk"]
    classes = {results.failure(result) for result in found if result.wrong}
    assert classes == {"wrong or missing value", "wrong format"}
    assert results.failure(made("d", "table", "missing 1", steps=0)) == "no program was run"
    assert results.failure(made("d", "table", "error 500: x")) == "the run failed"
    assert results.failure(made("d", "table", "missing 1", "  ")) == "no answer"
    assert results.failure(made("d", "table", "missing 1", "I had to stop before I was sure")) == "gave up"

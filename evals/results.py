"""Results of tasks, stored as JSON lines, and the tables over them."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """`wrong` is None if the task is solved. Tokens and calls cover all its turns."""

    task: str
    kind: str
    half: str
    harness: str
    wrong: str | None
    answers: list[str]
    calls: int
    tokens_in: int
    tokens_out: int
    seconds: float
    mode: str = ""
    steps: int = 0
    errors: list[str] = field(default_factory=list)
    """Errors of the failed steps, in order."""
    trace: list[dict[str, str]] = field(default_factory=list)
    """With `--trace`: the tool, input and observation of each step."""


def append(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def load(path: Path) -> list[Result]:
    return [Result(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def interval(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share at 95 % (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    share, square = right / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def row(name: str, results: Sequence[Result]) -> str:
    """One line of the table: solved with its interval, then per task calls, tokens, seconds; tokens per solved task."""
    right = sum(result.wrong is None for result in results)
    low, high = interval(right, len(results))
    calls, read, written, seconds = (
        statistics.mean(values)
        for values in zip(*((r.calls, r.tokens_in, r.tokens_out, r.seconds) for r in results), strict=True)
    )
    whole = sum(result.tokens_in + result.tokens_out for result in results)
    per_solved = f"{whole / right:,.0f}" if right else "–"
    return (
        f"| {name} | {right} of {len(results)} | {low * 100:.0f}–{high * 100:.0f} % | {calls:.1f} | {read:,.0f} "
        f"| {written:,.0f} | {per_solved} | {seconds:.0f} |"
    )


HEAD = (
    "| harness | solved | 95 % | calls | tokens in | tokens out | tokens per solved task | seconds |\n"
    "|---|---|---|---|---|---|---|---|"
)


def table(results: Sequence[Result]) -> str:
    """By harness, then by kind within each."""
    lines = [HEAD]
    for harness in dict.fromkeys(result.harness for result in results):
        own = [result for result in results if result.harness == harness]
        lines.append(row(f"**{harness}**", own))
        kinds = dict.fromkeys(result.kind for result in own)
        if len(kinds) > 1:
            lines += [row(f"– {kind}", [r for r in own if r.kind == kind]) for kind in kinds]
    return "\n".join(lines)


def failure(result: Result) -> str:
    """The class of a failure: its likely cause."""
    wrong, answer = result.wrong or "", result.answers[-1] if result.answers else ""
    if wrong.startswith("error"):
        return "the run failed"
    if not answer.strip():
        return "no answer"
    if wrong.startswith("format"):
        return "wrong format"
    if "I had to stop" in answer or "did not find" in answer or "not found" in answer:
        return "gave up"
    if not result.steps and result.kind != "talk":
        return "no program was run"
    if len(result.errors) >= 3:
        return "error loop"
    if result.errors and result.steps == len(result.errors):
        return "no working program"
    return "wrong or missing value"


def failures(results: Sequence[Result]) -> str:
    """A table of the failure classes by harness."""
    harnesses = list(dict.fromkeys(result.harness for result in results))
    counts = {
        harness: Counter(failure(r) for r in results if r.harness == harness and r.wrong is not None)
        for harness in harnesses
    }
    classes = sorted({name for count in counts.values() for name in count})
    lines = ["| failure | " + " | ".join(harnesses) + " |", "|---|" + "---|" * len(harnesses)]
    lines += [
        f"| {name} | " + " | ".join(str(counts[harness][name]) for harness in harnesses) + " |" for name in classes
    ]
    return "\n".join(lines)

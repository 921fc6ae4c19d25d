"""A plan, read from what the model wrote: one numbered line a step, forgiving."""

import re
from collections.abc import Iterable

from nodes.hints import TABLES
from nodes.state import PlanStep
from tools.names import FILE_ANALYZER, PYTHON_CODER

MAX_STEPS = 6
_LINE = re.compile(r"^[ \t>*_-]*(?:step[ \t]*)?(\d{1,2})[.):\]][ \t*_]*(.+)$", re.IGNORECASE | re.MULTILINE)
_NUMBERS = r"((?:#?\d{1,2}(?:\s*(?:,|and|&)\s*)?)+)"
_NEEDS = re.compile(rf"[\[(]?\s*\b(?:needs|uses|after|depends on)\s*:?\s*(?:steps?\s*)?{_NUMBERS}[\])]?", re.IGNORECASE)
_DONE = re.compile(r"[\[(]?\s*\bdone(?: when)?\s*:\s*([^\])]+)[\])]?", re.IGNORECASE)
_TOOL = re.compile(r"[\[(]\s*(?:tool\s*:\s*)?([a-z][a-z0-9_]{2,40})\s*[\])]", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}")
_QUOTED = re.compile(r"\"([^\"]{1,2000})\"|“([^”]{1,2000})”|(?<!\w)'([^'\n]{1,200})'(?!\w)")
_TABLE = rf"\.(?:{'|'.join(TABLES)})"
_LOADS = re.compile(
    r"(?:please )?(?:read|load|open|import)(?: in)?"
    r"(?: (?:the|a|all|csv|excel|json|data|dataset|files?|table|contents?|from|of|in|into|and|pandas|dataframe|memory"
    rf"|[\w.-]{{1,100}}{_TABLE}|['\"`][\w. -]{{1,100}}{_TABLE}['\"`]))+",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\b(?:results?|outputs?|values?|answers?) (?:of|from) steps? (\d{1,2})(?:(?:,| and) (\d{1,2}))?", re.IGNORECASE
)


def read_plan(text: str, tools: Iterable[str], first: int = 1) -> list[PlanStep]:
    """The steps in order, numbered from `first`; a step can only need earlier ones. Empty when there is no plan.

    Steps that only load a table are left out: every step loads what it works on.
    """
    known = {name.lower(): name for name in tools}
    steps: list[PlanStep] = []
    numbers: dict[int, int] = {}
    for mark in _LINE.finditer(text):
        if len(steps) == MAX_STEPS:
            break
        step = _step(first + len(steps), mark.group(2), numbers, known)
        if step["goal"] and not _only_loads(step):
            numbers[int(mark.group(1))] = step["id"]
            steps.append(step)
    return steps


def _step(number: int, line: str, numbers: dict[int, int], known: dict[str, str]) -> PlanStep:
    needs: set[int] = set()
    for found in _NEEDS.finditer(line):
        needs |= {numbers[int(n)] for n in _NUMBER.findall(found.group(1)) if int(n) in numbers}
    line = _NEEDS.sub(" ", line)
    for found in _REFERENCE.finditer(line):
        needs |= {numbers[int(n)] for n in found.groups() if n and int(n) in numbers}
    done = _DONE.search(line)
    line = _DONE.sub(" ", line)
    tool = next((known[name.lower()] for name in _TOOL.findall(line) if name.lower() in known), None)
    line = _TOOL.sub(lambda m: " " if m.group(1).lower() in known else m.group(0), line)
    return PlanStep(
        id=number,
        goal=" ".join(line.split()).strip(" -–:;|*_"),
        tool=tool,
        done_when=" ".join(done.group(1).split()) if done else "",
        needs=sorted(needs),
        status="pending",
        result="",
        error=None,
    )


def _only_loads(step: PlanStep) -> bool:
    return step["tool"] in (None, PYTHON_CODER, FILE_ANALYZER) and _LOADS.fullmatch(step["goal"]) is not None


def ready(plan: Iterable[PlanStep]) -> list[PlanStep]:
    """Steps that wait for nothing any more."""
    steps = list(plan)
    done = {step["id"] for step in steps if step["status"] == "done"}
    return [step for step in steps if step["status"] == "pending" and done.issuperset(step["needs"])]


def quoted(question: str) -> list[str]:
    """The texts in quotation marks, in order, each once."""
    return list(dict.fromkeys(next(filter(None, found)) for found in _QUOTED.findall(question)))


def told(plan: Iterable[PlanStep]) -> str:
    """The plan as a model reads it: each step, how it went, what came out."""
    lines = []
    for step in plan:
        lines.append(f"{step['id']}. {step['goal']} ({step['status']})")
        if step["result"]:
            lines.append(f"   Result: {step['result']}")
        if step["error"]:
            lines.append(f"   What went wrong: {step['error']}")
    return "\n".join(lines)

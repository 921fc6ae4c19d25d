"""What the answer of a plan owes: results that it leaves out, as small models do when they put many together."""

import re
from collections.abc import Sequence

from nodes.citing import without_citations
from nodes.evidence import is_told, unsupported_numbers
from nodes.state import PlanStep, Step

HEADING = "\n\nThe steps gave:"
_PREPARES = re.compile(r"(?:clean|extract|filter|import|load|open|prepare|read|select|sort)\b", re.IGNORECASE)


def owed_results(answer: str, question: str, plan: Sequence[PlanStep], steps: Sequence[Step]) -> str:
    """The results to stand below `answer`; all of them when it has numbers that nothing gave, empty when none lacks."""
    results = [step for step in plan if step["status"] == "done" and not _PREPARES.match(step["goal"])]
    evidence = [question, *(step["result"] for step in plan), *(step["observation"] for step in steps)]
    if not unsupported_numbers(without_citations(answer), evidence):
        results = [step for step in results if not _is_told(step, answer, plan, steps)]
    return "".join([HEADING, *(f"\n- {step['goal']}: {step['result']}" for step in results)]) if results else ""


def _is_told(step: PlanStep, answer: str, plan: Sequence[PlanStep], steps: Sequence[Step]) -> bool:
    """In the answer, or in what was written and found in the steps that need it.

    Models name needs that are none, so that alone does not excuse an answer without the result.
    """
    later = [other for other in plan if step["id"] in other["needs"]]
    numbers = {other["id"] for other in later}
    written = [taken["input"] for taken in steps if taken.get("plan_step") in numbers]
    places = "\n".join([answer, *written, *(other["result"] for other in later)])
    return is_told(without_citations(step["result"]), step["goal"], places)

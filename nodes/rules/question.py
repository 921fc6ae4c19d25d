"""Rules for what a question needs: they are free, and most questions are clear.

If the rules find several possibilities, `nodes/react/choose_tool.py` asks the model.
"""

import re

from tools.purpose import LOOK_UPS, Fit, Purposes
from tools.question import Question

_ORDER = re.compile(
    r"\A\W*(?:please )?(?:search|look (?:it )?up|google|check|find out)\b[^:,?.\n]{0,40}[:,] +", re.IGNORECASE
)
_FORM = re.compile(
    r"(?:^|(?<=[.?!\n]))[^.?!\n]*(?:\b(?:this|the following) (?:answer )?(?:format|form|template)\b"
    r"|\banswers?\b[^\n.?!]{0,30}\b(?:format|form|template)\b|\b(?:format|form) of (?:the|your) answer\b"
    r"|\b(?:answer|output|reply|response) format\b|@\w+\[)[^\n]*",
    re.IGNORECASE,
)
_SLOT = re.compile(r"@(\w{1,60})\[")


def without_order(question: str) -> str:
    """The question without a leading "Search the web:", which a model that has the results would obey again."""
    return _ORDER.sub("", question, count=1).strip() or question


def form_of_answer(question: str) -> str:
    """The description of the answer's format, without its introduction; empty if there is none."""
    lines = [match.group().strip() for match in _FORM.finditer(question)]
    return "\n".join(line.partition(": ")[2] or line for line in lines)


def slots_of(form: str) -> tuple[str, ...]:
    """The names in `@name[value]`, in order."""
    return tuple(dict.fromkeys(_SLOT.findall(form)))


def likely_tools(question: Question, purposes: Purposes) -> list[str]:
    """The tools that the question probably needs, most likely first; empty if no tool can begin with it.

    One tool means that the rules are sure; several, that the model has to choose.
    """
    fits = {name: purpose.fit(question) for name, purpose in purposes.items() if purpose.can_begin(question)}
    best = max(fits.values(), default=Fit.NONE)
    if best is Fit.NONE:
        return list(fits)[:1]
    least = best if best >= Fit.CLEAR else min(best, Fit.POSSIBLE)
    likely = [name for name, fit in fits.items() if fit >= least]
    # Among equals, lookups come first.
    return sorted(likely, key=lambda name: (-fits[name], purposes[name].kind not in LOOK_UPS))

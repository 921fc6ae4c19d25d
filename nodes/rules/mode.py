"""Rules for the kind of a question, which determines the mode: they are free, and most questions are clear.

If the rules do not decide, `nodes/route.py` asks the model for one word.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from nodes.rules.housekeeping import is_housekeeping
from nodes.rules.instructions import defines_format, defines_tools
from tools.question import Files, addresses, named, wants_computing, wants_documents, wants_web

Kind = Literal["talk", "work", "plan"]
"""No tools needed; tools needed; several requests that need tools."""
MANY = 3
"""From this many requests in one message on, it is planned."""
MAX_SMALL_TALK = 80
"""Longer messages are not small talk."""
MAX_EXAMINED = 8000
"""Maximum characters of a question that the rules examine."""

_SMALL_TALK = re.compile(
    r"\W*(?:hi|hey|hello|good (?:morning|afternoon|evening|night)|thank(?:s| you)|thx|cheers|bye|goodbye|see you"
    r"|ok(?:ay)?|great|nice|cool|perfect|well done|how are you|how do you do|who are you|what can you do"
    r"|what(?: i|'?)s your name|안녕|고마워|감사)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_TALK = re.compile(
    r"\b(?:explain|describe|define|tell me about|what (?:does|do) .{1,40} mean|meaning of|difference between"
    r"|pros and cons|advantages?|how (?:does|do|did) .{1,60} work|why (?:is|are|do|does|did|was|were)"
    r"|who (?:is|was|were|wrote|invented|discovered|painted)|what (?:is|are) an? |capital of|synonyms?|antonyms?"
    r"|translate|rephrase|paraphrase|proofread|rewrite|your opinion|recommend|suggest|ideas? for|advice|tips)\b",
    re.IGNORECASE,
)
_MAKING_UP = re.compile(
    r"\b(?:write|compose|draft|tell|give|make)(?: me| us)? (?:an? |some )?(?:short |funny |little |brief |polite )*"
    r"(?:poem|story|joke|haiku|song|limerick|letter|e-?mail|essay|tweet|slogan|toast|riddle|greeting|invitation"
    r"|metaphor|sentence|paragraph|names?)\b",
    re.IGNORECASE,
)
_COUNTING = re.compile(
    r"\bhow (?:many|much|long|old|far)\b|\bnumber of\b|\bwhich (?:day|weekday)\b|\bwhat day\b|\bletters?\b.*\bword\b"
    r"|\bpalindrome|\banagram|\bdivisible\b|\bmultipl|\bdivid|\bsquare root\b|\bsorted?\b|\balphabetical",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_QUOTED = re.compile(r"(?<!\w)['\"\u2018\u201c]\w[^'\"\u2019\u201d]*['\"\u2019\u201d]")
_LISTED = re.compile(r"\((?:\d{1,2}|[a-h])\)\s*\S|(?:^|[\n:;,.?] ?)\(?(?:\d{1,2}|[a-h])[.)] \S|^[-*•] \S", re.MULTILINE)
_CUT = re.compile(
    r"[?!;\n]+|\. |,? ?\b(?:and (?:then )?|then |after that,? |afterwards |finally,? |next,? |also )+|, ",
    re.IGNORECASE,
)
_ASK = re.compile(
    r"\W*(?:please |first,? |second,? |third,? |lastly,? |could you |can you |i want you to )*"
    r"(?:(?:from|in|for|with|using) \S+ )?"
    r"(?:add|analy[sz]e|answer|build|calculate|check|compare|compute|convert|count|create|describe|determine|draw"
    r"|estimate|explain|fill|filter|find|fit|get|give|group|identify|join|list|load|look|make|merge|multiply|name|plot"
    r"|predict|print|read|report|save|say|search|show|sort|split|subtract|sum|summari[sz]e|tell|test|train|translate"
    r"|visuali[sz]e|write|what|which|who|when|where|how|why)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is available when a question arrives."""

    own: Files = field(default_factory=Files)
    """The session's files."""
    all: Files = field(default_factory=Files)
    """These and the user's uploads."""
    worked: bool = False
    """Whether the previous answer was produced with tools."""
    first: bool = False
    """Whether the question is the first message."""
    instructions: str = ""
    """The client's."""
    tools: bool = False
    """Whether the client sends tools of its own."""
    response_format: bool = False
    """Whether the answer must be JSON."""


def question_kind(question: str, at_hand: Situation) -> tuple[Kind, str] | None:
    """`(kind, reason)`, or None if the rules do not decide."""
    if at_hand.first and is_housekeeping(question):
        return "talk", "a front end's own request"
    if defines_tools(at_hand.instructions, tools=at_hand.tools) or defines_tools(question):
        return "talk", "the client's instructions define its own tools"
    question = "\n".join(" ".join(line.split()) for line in question[:MAX_EXAMINED].splitlines())
    if len(question) <= MAX_SMALL_TALK and _SMALL_TALK.fullmatch(question) and not _works(question, at_hand):
        return "talk", "small talk"
    if _is_extraction(question, at_hand):
        return "talk", "the client wants the answer in its own format"
    works = _works(question, at_hand)
    if works is not None and asks(question) >= MANY:
        return "plan", "it asks for several things"
    if works is not None:
        return "work", works
    if _TALK.search(question) or _MAKING_UP.search(question):
        return "talk", "it needs no tools"
    if _COUNTING.search(question) and (_NUMBER.search(question) or _QUOTED.search(question)):
        return "work", "something has to be counted"
    if at_hand.worked:
        return "work", "it continues an answer that used tools"
    return None


def _is_extraction(question: str, at_hand: Situation) -> bool:
    """Whether a formatted answer can be written from the conversation alone."""
    if not (at_hand.response_format or defines_format(at_hand.instructions)):
        return False
    return not (at_hand.own.all or named(question, at_hand.all.all) or wants_web(question))


def _works(question: str, at_hand: Situation) -> str | None:
    """Why tools are needed, or None."""
    if addresses(question) or wants_web(question):
        return "the question asks for the web"
    if named(question, at_hand.all.all) or (at_hand.all.documents and wants_documents(question)):
        return "the question asks for the user's files"
    if _MAKING_UP.search(question) and not wants_computing(question):
        return None
    if at_hand.own.all and not _SMALL_TALK.fullmatch(question):
        return "the session has files"
    if _TALK.search(question) and not _NUMBER.search(question):
        return None
    if wants_computing(question):
        return "something has to be computed"
    return "there are numbers to work with" if len(_NUMBER.findall(question)) >= 2 else None


def asks(question: str) -> int:
    """Approximate number of requests in a message: list items, or clauses that begin with a request."""
    listed = len(_LISTED.findall(question))
    return max(listed, sum(bool(_ASK.match(clause)) for clause in _CUT.split(question) if clause.strip()))

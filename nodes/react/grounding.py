"""Grounds the answer: cites its sources, checks its numbers against the results, and adds what it lacks."""

import re
from collections.abc import Iterable, Sequence

from langgraph.runtime import Runtime

from nodes.model import conversation
from nodes.model.answer_writer import AnswerWriter
from nodes.model.ask import Said
from nodes.state import AgentState, Context, Step
from tools.agent_tool import program_tool_of
from tools.coding.fences import without_programs
from tools.results import Source

CITATION = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"\w{3,}|\d+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
ENOUGH = 0.5
"""Share of the answer's words that a passage must contain to count as its source."""
ENOUGH_OF_A_SENTENCE = 0.9
"""The same for one sentence of the answer, of at least `MIN_WORDS` words."""
MIN_WORDS = 4
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")


def give(text: str, runtime: Runtime[Context]) -> AgentState:
    """Return an answer without asking the model."""
    answer = AnswerWriter(runtime)
    answer.write_whole(text)
    reason = answer.close()
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def finish(text: str, answer: AnswerWriter, said: Said, state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Complete the answer `text`, which the model `said`; sends what has not been streamed yet."""
    if not answer.text:
        answer.write_whole(text)
    steps = state.get("steps", [])
    sources = [source for step in steps for source in step["sources"]]
    answer.write_whole(owed(text, sources))
    evidence = [conversation.question(state), *(step["observation"] for step in steps)]
    if steps and unsupported_numbers(without_citations(text), evidence):
        # A small model miscopies digits, or invents them if its programs fail.
        answer.write_whole(_caution(steps, program_tool_of(runtime.context.tools)))
    reason = answer.close(said.finish_reason)
    return {"answer_text": answer.text.strip(), "answer_id": said.id, "finish_reason": reason}


def _caution(steps: list[Step], program_tool: str | None) -> str:
    printed = [step["observation"] for step in steps if step["error"] is None and step["tool"] == program_tool]
    if printed:
        return f"\n\nThe program printed:\n```\n{printed[-1][:1000]}\n```"
    if any(step["tool"] == program_tool for step in steps):
        return "\n\n(No program ran to its end, so this was not computed.)"
    return "\n\n(Not every number here stands in what was found.)"


def cited(answer: str, count: int) -> list[int]:
    """Numbers of the sources that the answer cites, in order, without duplicates; `count` sources numbered from 1."""
    numbers = (int(number) for number in CITATION.findall(answer))
    return list(dict.fromkeys(n for n in numbers if 1 <= n <= count))


def owed(answer: str, sources: Sequence[Source]) -> str:
    """` [n]` for the source that contains most of the answer's words if the answer cites none; otherwise empty."""
    if not sources or cited(answer, len(sources)):
        return ""
    held = [_words(source["text"]) for source in sources]
    best, share = _best(_words(answer), held)
    if share >= ENOUGH:
        return f" [{best + 1}]"
    sentences = [words for sentence in _SENTENCE.split(answer) if len(words := _words(sentence)) >= MIN_WORDS]
    best, share = max((_best(words, held) for words in sentences), key=lambda found: found[1], default=(0, 0.0))
    return f" [{best + 1}]" if share >= ENOUGH_OF_A_SENTENCE else ""


def _best(words: set[str], held: Sequence[set[str]]) -> tuple[int, float]:
    """The source that contains most of `words`, and the share of them."""
    if not words:
        return 0, 0.0
    shares = [len(words & source) / len(words) for source in held]
    best = max(range(len(shares)), key=lambda at: shares[at])
    return best, shares[best]


def without_citations(text: str) -> str:
    return CITATION.sub("", text)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def unsupported_numbers(answer: str, evidence: Iterable[str]) -> list[str]:
    """Numbers in `answer`, outside of its programs, that are neither in `evidence` nor a rounding of one in it."""
    known = {value for text in evidence for _, value, _ in _numbers(text)}
    return [
        raw
        for raw, value, decimals in _numbers(without_programs(answer))
        if not any(_rounds(value, decimals, other) for other in known)
        and not any(abs(value - other * 100) <= 0.5 * 10**-decimals for other in known)  # a share given in percent
    ]


def is_told(result: str, asked: str, answer: str) -> bool:
    """Whether `answer` contains the `result` for `asked`: one of its new numbers, or else half of its new words.

    A number is new if it is not in `asked`; a rounding of it also counts.
    """
    known = {value for _, value, _ in _numbers(asked)}
    if new := [value for _, value, _ in _numbers(result) if value not in known]:
        return any(_rounds(value, decimals, number) for number in new for _, value, decimals in _numbers(answer))
    words = _content_words(result)
    sought = words - _content_words(asked) or words
    return 2 * len(sought & _content_words(answer)) >= len(sought)


def _rounds(value: float, decimals: int, other: float) -> bool:
    """Whether `value`, written with this many decimals, may be `other`; the minus sign may be expressed in words."""
    return abs(abs(value) - abs(other)) <= 0.5 * 10.0**-decimals


def _content_words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2}


def _numbers(text: str) -> list[tuple[str, float, int]]:
    """`(as written, value, decimals)` of each number; 1,234.50 is one number with two decimals."""
    found = []
    for raw in _NUMBER.findall(text):
        digits = raw.strip(",").replace(",", "")
        try:
            value = float(digits)
        except ValueError:
            continue
        found.append((raw, value, len(digits.partition(".")[2])))
    return found

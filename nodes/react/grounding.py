"""The end of a thought that holds the answer: cited, checked against what was found, and out."""

from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.citing import owed, without_citations
from nodes.evidence import unsupported_numbers
from nodes.state import AgentState, Context, Step, Update
from tools.names import PYTHON_CODER


def give(text: str, runtime: Runtime[Context]) -> Update:
    """An answer that needs no thinking."""
    answer = AnswerWriter(runtime)
    answer.write_whole(text)
    reason = answer.close()
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def finish(text: str, answer: AnswerWriter, reason: str, state: AgentState) -> Update:
    """`text` is the answer; what of it has not left yet leaves now. `reason` is how the model ended."""
    if not answer.text:
        answer.write_whole(text)
    steps = state.get("steps", [])
    sources = [source for step in steps for source in step["sources"]]
    answer.write_whole(owed(text, sources))
    evidence = [history.question(state), *(step["observation"] for step in steps)]
    if steps and unsupported_numbers(without_citations(text), evidence):
        # A small model miscopies digits, or makes them up when its programs fail.
        answer.write_whole(_caution(steps))
    reason = answer.close(reason)
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def _caution(steps: list[Step]) -> str:
    printed = [step["observation"] for step in steps if step["error"] is None and step["tool"] == PYTHON_CODER]
    if printed:
        return f"\n\nThe program printed:\n```\n{printed[-1][:1000]}\n```"
    if any(step["tool"] == PYTHON_CODER for step in steps):
        return "\n\n(No program ran to its end, so this was not computed.)"
    return "\n\n(Not every number here stands in what was found.)"

"""The parts of the conversation that a step's prompt needs."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from nodes.prompts import render
from nodes.state import AgentState, Context, Step
from tools.agent_tool import program_tool_of
from tools.coding.fences import fenced
from tools.coding.observation import cut_middle

TURNS_TOLD = 3
MAX_FIRST = 300
MAX_ANSWER = 600
MAX_PROGRAM = 1500
MAX_FINDING = 1500
REPEATED = "repeated action"
"""The error of a repeated step that was not run again."""


def question(state: AgentState) -> str:
    """The text of the current user message."""
    for message in reversed(state["messages"]):
        if isinstance(message, HumanMessage):
            return message.text
    return ""


def own_words(message: AnyMessage) -> str:
    """The message's text; a question's without the context that the person's front end added to it."""
    words: str = message.additional_kwargs.get("words", message.text)
    return words


def asked(state: AgentState) -> str:
    """The person's own words in the current user message."""
    return next((own_words(m) for m in reversed(state["messages"]) if isinstance(m, HumanMessage)), "")


def instructions(state: AgentState, context: Context) -> str:
    """The client's system messages without duplicates, and its instructions for this turn; empty if there are none."""
    kept = context.system
    if kept is None:
        kept = tuple(message.text for message in state["messages"] if isinstance(message, SystemMessage))
    return "\n\n".join(dict.fromkeys(filter(None, [*kept, context.instructions])))


def instructed(prompt: str, state: AgentState, context: Context) -> SystemMessage:
    """A step's own prompt, followed by all of the client's instructions: half of them could say the opposite."""
    own = instructions(state, context).strip()
    return SystemMessage(f"{prompt}\n\n{render('chat/client_instructions', instructions=own)}" if own else prompt)


def recent(state: AgentState) -> list[AnyMessage]:
    """The messages that are not covered by a summary. Earlier questions are without the context that a front end added:
    it belonged to their turns.
    """
    messages = list(state["messages"][state.get("condensed", 0) :])
    current = max((at for at, m in enumerate(messages) if isinstance(m, HumanMessage)), default=0)
    return [_plain(m) if at < current else m for at, m in enumerate(messages)]


def _plain(message: AnyMessage) -> AnyMessage:
    if "words" not in message.additional_kwargs:
        return message
    return message.model_copy(update={"content": own_words(message)})


def remembered(state: AgentState) -> str:
    """How the conversation began, and the summaries of its old turns; empty if nothing has been summarized."""
    summaries = state.get("summaries", [])
    if not summaries:
        return ""
    first = next((own_words(m) for m in state["messages"] if isinstance(m, HumanMessage)), "")
    lines = ["Earlier in this conversation, in short:", f"- It began with: {' '.join(first.split())[:MAX_FIRST]}"]
    return "\n".join([*lines, *(f"- {summary}" for summary in summaries)])


def earlier(state: AgentState, context: Context) -> str:
    """What precedes the current question: summaries, the last few turns, the last program that ran."""
    messages = recent(state)
    current = max((at for at, m in enumerate(messages) if isinstance(m, HumanMessage)), default=0)
    told = [m for m in messages[:current] if isinstance(m, (HumanMessage, AIMessage))][-2 * TURNS_TOLD :]
    lines = [text] if (text := remembered(state)) else []
    if not told:
        return "\n".join(lines)
    lines.append("Earlier in this conversation:")
    for message in told:
        speaker = "Question" if isinstance(message, HumanMessage) else "Answer"
        lines.append(f"{speaker}: {message.text.strip()[:MAX_ANSWER]}")
    if program := _last_program(told, program_tool_of(context.tools)):
        lines.append(f"The last program that ran:\n{fenced(program[:MAX_PROGRAM])}")
    return "\n".join(lines)


def _last_program(messages: Sequence[AnyMessage], program_tool: str | None) -> str:
    for message in reversed(messages):
        steps: list[Step] = message.additional_kwargs.get("steps", [])
        for step in reversed(steps):
            if step["tool"] == program_tool and step["error"] is None:
                return step["input"]
    return ""


def same_step(steps: Sequence[Step], tool: str, given: str) -> Step | None:
    """The earlier step with the same input to the same tool."""
    return next((step for step in steps if step["tool"] == tool and step["input"].strip() == given.strip()), None)


def findings(steps: Sequence[Step]) -> str:
    """The purpose and result of each step of this turn, without its input."""
    return "\n\n".join(f"{s['thought']}\n{s['tool']} says: {cut_middle(s['observation'], MAX_FINDING)}" for s in steps)


def notes(steps: Sequence[Step]) -> str:
    """All steps of this turn, in brief."""
    return "\n\n".join(f"{s['thought']}\n{s['tool']}:\n{s['input']}\nObservation: {s['observation']}" for s in steps)

"""`thought`: decide what to do next, in a fresh prompt with just what that decision needs.

Three situations, three prompts: write a program, mend the one that failed, answer from what one printed.
"""

from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import Said, ask, bounded
from nodes.events import ThoughtDelta
from nodes.evidence import unsupported_numbers
from nodes.prompts import render
from nodes.protocol import Reply, parse
from nodes.reply_stream import ReplySplitter, Split
from nodes.state import Action, AgentState, Context, Step, Update
from workspace.jail.variables import Variable

MAX_VARIABLES = 30
HIDDEN_TYPES = ("module",)
STOP = ("\nObservation:",)


@dataclass(frozen=True, slots=True)
class Thinking:
    """One reply of the model, taken apart, and the answer as far as it has left."""

    said: Said
    reply: Reply
    answer: AnswerWriter


async def thought(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `action`, or `needed`, or `answer_text` with its finish reason."""
    steps = state.get("steps", [])
    prompt = await _prompt(state, runtime, steps)
    thinking = await _think(prompt, runtime, fresh=_stuck(steps))
    tried = thinking.reply.tool and history.same_step(steps, thinking.reply.tool, thinking.reply.input)
    if tried and not _stuck(steps):
        thinking = await _think(prompt, runtime, fresh=True)
    reply = thinking.reply
    update: Update = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    if reply.tool:
        return update | {"action": Action(thought=reply.thought, tool=reply.tool, input=reply.input)}
    if reply.need is not None and steps:
        return update | {"needed": reply.need or "the answer"}
    return update | _finish(thinking, state)


async def _think(prompt: list[BaseMessage], runtime: Runtime[Context], *, fresh: bool) -> Thinking:
    splitter, answer = ReplySplitter(), AnswerWriter(runtime)

    def emit(split: Split) -> None:
        if split.thought:
            runtime.stream_writer(ThoughtDelta(split.thought))
        answer.write(split.answer)

    sampling = bounded(runtime, stop=STOP, fresh=fresh)
    said = await ask(runtime, prompt, sampling, lambda text: emit(splitter.feed(text)))
    emit(splitter.flush())
    if not splitter.in_answer:
        runtime.stream_writer(ThoughtDelta("\n"))
    return Thinking(said, parse(said.text), answer)


def _finish(thinking: Thinking, state: AgentState) -> Update:
    """The answer; what has not left yet leaves now."""
    reply, answer = thinking.reply, thinking.answer
    text = reply.final if reply.final is not None else reply.thought or thinking.said.text
    if not answer.text:
        answer.write_whole(text)
    steps = state.get("steps", [])
    evidence = [history.question(state), *(step["observation"] for step in steps)]
    if steps and unsupported_numbers(text, evidence):
        # A small model miscopies digits, or makes them up when its programs fail.
        answer.write_whole(_caution(steps))
    reason = answer.close(thinking.said.finish_reason)
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def _caution(steps: list[Step]) -> str:
    printed = [step["observation"] for step in steps if step["error"] is None]
    if not printed:
        return "\n\n(No program ran to its end, so this was not computed.)"
    return f"\n\nThe program printed:\n```\n{printed[-1][:1000]}\n```"


async def _prompt(state: AgentState, runtime: Runtime[Context], steps: list[Step]) -> list[BaseMessage]:
    question = history.question(state)
    last = steps[-1] if steps else None
    if last is not None and not state.get("needed") and last["error"] is None:
        return _messages("answer", f"Question: {question}", _program(last), f"Output:\n{last['observation']}")
    setting = await _setting(state, runtime)
    if last is not None and last["error"] is not None and not _stuck(steps):
        happened = f"What happened:\n{last['observation']}"
        return _messages("mend", *setting, f"Task: {question}", _program(last), happened)
    so_far = [f"An earlier program gave:\n{last['observation']}"] if last is not None else []
    if needed := state.get("needed"):
        so_far.append(f"Still missing: {needed}")
    tools = "\n".join(f"- {tool.name}: {tool.description}" for tool in runtime.context.tools.values())
    return _messages("write", *setting, f"Question: {question}", *so_far, tools=tools)


def _messages(prompt: str, *parts: str, **values: str) -> list[BaseMessage]:
    return [SystemMessage(render(prompt, **values)), HumanMessage("\n\n".join(part for part in parts if part))]


def _program(step: Step) -> str:
    return f"Program:\n```python\n{step['input']}\n```"


async def _setting(state: AgentState, runtime: Runtime[Context]) -> list[str]:
    """Earlier turns, the files, the variables that exist."""
    parts = [history.earlier(state["messages"])]
    workspace = runtime.context.workspace
    if workspace is not None:
        if files := await workspace.previews():
            parts.append(f"Files in the working folder:\n{files}")
        if variables := [v for v in await workspace.kernel.variables() if v.type not in HIDDEN_TYPES]:
            listed = "\n".join(_told(variable) for variable in variables[-MAX_VARIABLES:])
            parts.append(f"Variables that exist already:\n{listed}")
    return parts


def _told(variable: Variable) -> str:
    size = f"shape {variable.shape}" if variable.shape.startswith("(") else variable.shape and f"{variable.shape} items"
    return " ".join(part for part in (f"- {variable.name} ({variable.type})", size, variable.detail) if part)


def _stuck(steps: list[Step]) -> bool:
    """Two failures in a row: mending leads nowhere, so a new program is asked for."""
    return len(steps) >= 2 and all(step["error"] is not None for step in steps[-2:])

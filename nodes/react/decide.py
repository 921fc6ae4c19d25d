"""Decides what comes next in a turn: an action or answer that needs no model, or the prompt for the next thought.

Each situation has its own prompt with just what it needs (docs/agent.md).
"""

import re
from dataclasses import dataclass, replace
from itertools import accumulate

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.model import conversation
from nodes.model.ask import ask_line
from nodes.prompts import render
from nodes.react.choose_tool import choose_tool, question_at_hand
from nodes.react.grounding import without_citations
from nodes.react.prompt_context import prompt_context
from nodes.rules.question import form_of_answer, slots_of, without_order
from nodes.state import Action, AgentState, Context, Step
from tools.agent_tool import program_tool_of, purposes_of
from tools.coding.fences import fenced
from tools.coding.program_prompt import mend_program, write_program
from tools.coding.runner import without_note
from tools.purpose import LOOK_UPS, Fit, Kind, Purposes
from tools.question import Question, wants_computing

MAX_LOOK_UPS = 3
"""Maximum number of lookups in one turn."""
MAX_KNOWN = 6000
"""Maximum characters of earlier observations in a prompt."""


@dataclass(frozen=True, slots=True)
class Act:
    """The next action is known."""

    action: Action


@dataclass(frozen=True, slots=True)
class Answer:
    """The last step has answered the question."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The model has to decide."""

    messages: list[BaseMessage]
    coding: bool = False
    """Whether it asks for a program, which another model may write better."""
    slots: tuple[str, ...] = ()
    """Names that must be in the answer as `@name[value]`; a missing one is computed once."""


Decision = Act | Answer | Ask


async def decide(state: AgentState, runtime: Runtime[Context]) -> Decision:
    """What comes next; the model decides only if the rules do not."""
    steps, needed = state.get("steps", []), state.get("needed", "")
    if not steps:
        return await _begin(state, runtime)
    last, question = steps[-1], conversation.question(state)
    kind = _kind(last, purposes_of(runtime.context.tools))
    if last["error"] is None and not needed:
        return _answer_from(last, steps, question, computed=kind == "computation")
    if kind == "computation" and last["error"] != "ToolFailed":
        anew = stuck(steps) or last["error"] is None
        return await _write(last["tool"], state, runtime) if anew else await _mend(last, state, runtime)
    if kind in LOOK_UPS and last["error"] and any(step["sources"] for step in steps):
        return _give_up(question, steps)
    if kind in LOOK_UPS and last["error"] != "ToolFailed":
        return _further(question, steps, needed, runtime) if needed else await _another_way(state, runtime)
    return await _begin(state, runtime)


async def _begin(state: AgentState, runtime: Runtime[Context]) -> Decision:
    """The first step, or the step after nothing usable was found: choose a tool."""
    question = await question_at_hand(state, runtime)
    tool, program_tool = await choose_tool(state, runtime, question), program_tool_of(runtime.context.tools)
    if tool is not None and tool != program_tool and not state.get("needed"):
        return await _look_up(tool, question, state, runtime)
    if tool is None or program_tool is None:
        return _give_up(question.text, state.get("steps", []))
    return await _write(program_tool, state, runtime)


def stuck(steps: list[Step]) -> bool:
    """Two failures in a row: fixing does not help, so a new program is requested."""
    return len(steps) >= 2 and all(step["error"] is not None for step in steps[-2:])


def _kind(step: Step, purposes: Purposes) -> Kind | None:
    """The kind of the step's tool; None for an unknown tool."""
    purpose = purposes.get(step["tool"])
    return purpose.kind if purpose is not None else None


def _answer_from(last: Step, steps: list[Step], question: str, *, computed: bool) -> Answer | Ask:
    if (answer := last.get("answer")) and not wants_computing(question):
        return Answer(answer)
    if computed:
        asked, output = f"Question: {question}", f"Output:\n{without_note(last['observation'])}"
        if form := form_of_answer(question):
            first = sum(step["error"] is None for step in steps) == 1
            filling = _messages("react/fill_form", asked, output, f"Form: {form}")
            return replace(filling, slots=slots_of(form)) if first else filling
        return _messages("react/answer", asked, f"Program:\n{fenced(last['input'])}", output)
    if last["sources"]:
        return _messages("react/cite", f"Passages:\n{_passages(steps)}", f"Question: {without_order(question)}")
    return _messages("react/tell", f"Question: {question}", f"{last['tool']} says:\n{last['observation'][:MAX_KNOWN]}")


def _passages(steps: list[Step]) -> str:
    """What the lookups found, in numbered order; if there is no space for all, the newest and best are kept."""
    looked_up = [_blocks(step["observation"]) for step in steps if step["sources"]]
    room = MAX_KNOWN
    kept: list[str] = []
    for blocks in reversed(looked_up):
        fitting = [block for block, size in zip(blocks, accumulate(map(len, blocks)), strict=True) if size <= room]
        kept.append("\n\n".join(fitting))
        room -= len(kept[-1])
    return "\n\n".join(filter(None, reversed(kept))) or looked_up[-1][0][:MAX_KNOWN]


def _blocks(observation: str) -> list[str]:
    """One passage each, with its number."""
    return re.split(r"\n\n(?=\[\d{1,3}\])", observation)


def _further(question: str, steps: list[Step], needed: str, runtime: Runtime[Context]) -> Act | Ask:
    """The results are not sufficient: read the best page that has not been read yet, then search in other words."""
    given_up = _give_up(question, steps)
    purposes = purposes_of(runtime.context.tools)
    if sum(_kind(step, purposes) in LOOK_UPS for step in steps) >= MAX_LOOK_UPS:
        return given_up
    last = steps[-1]
    read = {step["input"] for step in steps}
    pages = [source["url"] for source in last["sources"] if source["url"] and source["url"] not in read]
    searches = [step["tool"] for step in steps if _kind(step, purposes) == "search"]
    if pages and last["tool"] in searches and (act := _reading(str(pages[0]), purposes)):
        return act
    words = without_citations(needed).strip()
    if searches and len(words.split()) >= 2 and not conversation.same_step(steps, searches[-1], words):
        return Act(Action(thought=f"Still missing: {words}", tool=searches[-1], input=words))
    return given_up


def _reading(address: str, purposes: Purposes) -> Act | None:
    """Read a page that a search found; None if no tool opens URLs."""
    page = Question(address, addresses=(address,))
    for name, purpose in purposes.items():
        if purpose.fit(page) is Fit.NAMED and (call := purpose.first_call(page)) is not None:
            return Act(Action(thought="I read the page that was found.", tool=name, input=call.input))
    return None


async def _another_way(state: AgentState, runtime: Runtime[Context]) -> Ask:
    """A lookup could not use its input: choose any tool next."""
    known = conversation.notes(state.get("steps", []))[-MAX_KNOWN:]
    tools = "\n".join(f"- {tool.name}: {tool.description}" for tool in runtime.context.tools.values())
    question = f"Question: {conversation.question(state)}"
    values = {"tools": tools, "program_tool": program_tool_of(runtime.context.tools) or ""}
    return _messages("react/other_tool", *await prompt_context(state, runtime), question, f"Known:\n{known}", **values)


def _give_up(question: str, steps: list[Step]) -> Ask:
    if any(step["sources"] for step in steps):  # the previous prompt with one more line
        asked = f"Question: {without_order(question)}"
        return _messages("react/cite", f"Passages:\n{_passages(steps)}", asked, render("react/nothing_more"))
    tried = conversation.notes(steps)[-MAX_KNOWN:]
    return _messages("react/give_up", f"Question: {question}", f"What was tried:\n{tried or 'There are no tools.'}")


async def _write(tool: str, state: AgentState, runtime: Runtime[Context]) -> Ask:
    steps = state.get("steps", [])
    ran = [step for step in steps if step["error"] != conversation.REPEATED]
    so_far = [f"An earlier program gave:\n{ran[-1]['observation']}"] if ran else []
    if needed := state.get("needed"):
        so_far.append(f"Still missing: {needed}")
    question, at_hand = conversation.question(state), await prompt_context(state, runtime)
    prompt = write_program(runtime.context.tools[tool], question, at_hand, so_far, may_answer=True)
    return Ask(prompt, coding=True)


async def _mend(last: Step, state: AgentState, runtime: Runtime[Context]) -> Ask:
    tool, question = runtime.context.tools[last["tool"]], conversation.question(state)
    prompt = mend_program(tool, question, await prompt_context(state, runtime), last["input"], last["observation"])
    return Ask(prompt, coding=True)


async def _look_up(tool: str, question: Question, state: AgentState, runtime: Runtime[Context]) -> Act:
    """A first lookup, with an input derived from the question."""
    purpose = purposes_of(runtime.context.tools)[tool]
    if purpose.kind == "search":
        question = replace(question, text=await _query(state, runtime, question.text))
    call = purpose.first_call(question)
    assert call is not None, "only tools that can begin are chosen"
    return Act(Action(thought=call.thought, tool=tool, input=call.input))


async def _query(state: AgentState, runtime: Runtime[Context], question: str) -> str:
    """In a first turn, the question itself; later, a version of it that is understandable without the earlier turns."""
    earlier = conversation.earlier(state, runtime.context)
    if not earlier:
        return question
    prompt = _messages("react/phrase_query", earlier, f"Question: {question}")
    return await ask_line(runtime, prompt.messages) or question


def _messages(prompt: str, *parts: str, **values: str) -> Ask:
    told = HumanMessage("\n\n".join(part for part in parts if part))
    return Ask([SystemMessage(render(prompt, **values)), told])

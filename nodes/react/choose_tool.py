"""Chooses the next tool: by rules, or by the model, constrained to the tools' names, if they do not decide."""

from collections.abc import Mapping, Sequence

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from nodes.model import conversation
from nodes.model.ask import ask_one_of
from nodes.prompts import render
from nodes.rules.question import likely_tools
from nodes.state import AgentState, Context, Step
from tools.agent_tool import purposes_of
from tools.purpose import Fit, Purposes
from tools.question import Files, Question, sort_files, wants_computing, wants_web


async def files_at_hand(runtime: Runtime[Context]) -> Files:
    """The session's files and the user's uploads."""
    names: list[str] = []
    workspace, library = runtime.context.workspace, runtime.context.library
    if workspace is not None:
        names += [info.name for info in await workspace.files()]
    if library is not None:
        names += [info.name for info in await library.files() if info.name not in names]
    return sort_files(names)


async def question_at_hand(state: AgentState, runtime: Runtime[Context]) -> Question:
    """The current question and the available files."""
    return Question.of(conversation.asked(state), await files_at_hand(runtime))


async def choose_tool(state: AgentState, runtime: Runtime[Context], question: Question) -> str | None:
    """The tool for the next action; None if every tool that fits the question has failed for good."""
    tools, failed = runtime.context.tools, _given_up(state.get("steps", []))
    likely = [name for name in likely_tools(question, purposes_of(tools)) if name not in failed]
    if len(likely) <= 1:
        return likely[0] if likely else None
    listed = "\n".join(f"- {name}: {tools[name].description}" for name in likely)
    files = question.files
    at_hand = ", ".join([*files.tables, *files.documents, *files.images][:20])
    told = f"Question: {question.text}\nFiles: {at_hand or 'none'}"
    return await ask_one_of(
        runtime, [SystemMessage(render("react/choose_tool", tools=listed)), HumanMessage(told)], likely
    )


def usable_tools(files: Files, steps: Sequence[Step], tools: Mapping[str, BaseTool]) -> list[BaseTool]:
    """Tools that have something to work on and have not failed for good in this turn."""
    failed = _given_up(steps)
    purposes = purposes_of(tools)
    return [tool for name, tool in tools.items() if purposes[name].has_files(files) and name not in failed]


def needs_a_tool(question: Question, purposes: Purposes) -> bool:
    """Whether the question probably needs a tool."""
    if question.files.all or question.addresses or wants_computing(question.text) or wants_web(question.text):
        return True
    return any(purpose.fit(question) >= Fit.CLEAR for purpose in purposes.values())


def _given_up(steps: Sequence[Step]) -> set[str]:
    """Tools that failed for good."""
    return {step["tool"] for step in steps if step["error"] == "ToolFailed"}

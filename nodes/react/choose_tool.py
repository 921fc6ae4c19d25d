"""Which tool next? Rules first; the model, held to the tools' names, only where the rules cannot tell."""

from collections.abc import Mapping, Sequence

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from nodes.model import conversation
from nodes.model.ask import ask_one_of
from nodes.prompts import render
from nodes.rules.question import Files, addresses, likely_tools, sort_files, wants_computing, wants_web
from nodes.state import AgentState, Context, Step
from tools.names import FILE_ANALYZER, RAG_RETRIEVER, READ_PAGE, VISION_ANALYZER, WEB_SEARCH

SEARCHES = (RAG_RETRIEVER, WEB_SEARCH)
LOOK_UPS = (*SEARCHES, READ_PAGE, VISION_ANALYZER, FILE_ANALYZER)
"""Tools that find something, as opposed to the one that computes."""


async def files_at_hand(runtime: Runtime[Context]) -> Files:
    """The session's files, and the user's library."""
    names: list[str] = []
    workspace, library = runtime.context.workspace, runtime.context.library
    if workspace is not None:
        names += [info.name for info in await workspace.files()]
    if library is not None:
        names += [info.name for info in await library.files() if info.name not in names]
    return sort_files(names)


async def choose_tool(state: AgentState, runtime: Runtime[Context], files: Files) -> str | None:
    """The tool for the next action; None when every one that fits the question has failed for good."""
    tools, question = runtime.context.tools, conversation.question(state)
    failed = _given_up(state.get("steps", []))
    fitting = [tool for tool in likely_tools(question, files, tools) if tool not in failed]
    likely = [tool for tool in fitting if _has_matter(tool, files) and (tool != READ_PAGE or addresses(question))]
    if len(likely) <= 1:
        return likely[0] if likely else None
    listed = "\n".join(f"- {name}: {tools[name].description}" for name in likely)
    at_hand = ", ".join([*files.tables, *files.documents, *files.images][:20])
    told = f"Question: {question}\nFiles: {at_hand or 'none'}"
    return await ask_one_of(
        runtime, [SystemMessage(render("react/choose_tool", tools=listed)), HumanMessage(told)], likely
    )


def usable_tools(files: Files, steps: Sequence[Step], tools: Mapping[str, BaseTool]) -> list[BaseTool]:
    """Those with something to work on that have not said in this turn that they cannot."""
    failed = _given_up(steps)
    return [tool for name, tool in tools.items() if _has_matter(name, files) and name not in failed]


def needs_a_tool(question: str, files: Files) -> bool:
    """Whether the question is likely one that words alone cannot answer."""
    return bool(files.all or addresses(question)) or wants_computing(question) or wants_web(question)


def _has_matter(tool: str, files: Files) -> bool:
    """Whether there are files of the kind that it works on, where it works on files alone."""
    matter = {
        RAG_RETRIEVER: files.documents + files.others,
        VISION_ANALYZER: files.images,
        FILE_ANALYZER: files.all,
    }
    return bool(matter.get(tool, True))


def _given_up(steps: Sequence[Step]) -> set[str]:
    """Tools that said they cannot."""
    return {step["tool"] for step in steps if step["error"] == "ToolFailed"}

"""`tool_call`: run the chosen tool. The only place where a tool's errors become text for the model."""

import time
from collections.abc import Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime
from pydantic import ValidationError

from llm.errors import BackendStoppedError, ModelError
from nodes.model.conversation import REPEATED, same_step
from nodes.prompts import render
from nodes.react.tool_arguments import arguments_of
from nodes.state import Action, AgentState, ArtifactRef, Context, Outcome, Step
from tools.errors import ToolError, ToolFailed, ToolRetry
from tools.results import Extras
from workspace.session import SessionWorkspace


async def tool_call(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `outcome`. Never raises for errors of the tool; cancellation of the run passes through."""
    action = state.get("action")
    assert action is not None, "tool_call is only reached with an action"
    started = time.time()
    text, error, extras = await _run(action, state.get("steps", []), runtime)
    outcome = Outcome(
        text=text,
        error=error,
        artifacts=await _artifacts(runtime.context.workspace, extras.files),
        sources=list(extras.sources),
        answer=extras.answer,
        started_at=started,
        duration_ms=round((time.time() - started) * 1000),
    )
    return {"outcome": outcome}


async def _run(action: Action, steps: Sequence[Step], runtime: Runtime[Context]) -> tuple[str, str | None, Extras]:
    """`(observation, error, the tool's other results)`."""
    tools = runtime.context.tools
    tool = tools.get(action["tool"])
    if tool is None:
        text = render("react/unknown_tool", tool=repr(action["tool"]), tools=", ".join(tools) or "none")
        return text, "unknown tool", Extras()
    if (step := same_step(steps, action["tool"], action["input"])) is not None:
        return render("react/repeated_action", observation=step["observation"]), REPEATED, Extras()
    try:
        answer = await tool.ainvoke(_call(tool, action))
    except ToolError as error:
        return str(error), type(error).__name__, Extras(files=error.new_files)
    except BackendStoppedError:
        raise
    except ModelError as error:  # from a model that a tool uses; the model that writes may be fine
        return str(error), ToolFailed.__name__, Extras()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return render("react/unfit_input", tool=tool.name, problems=problems), ToolRetry.__name__, Extras()
    extras: Extras = answer.artifact
    if not extras.sources:
        return str(answer.content), None, extras
    return extras.observation(first=1 + sum(len(step["sources"]) for step in steps)), None, extras


def _call(tool: BaseTool, action: Action) -> dict[str, Any]:
    """The tool call in LangChain's format."""
    return {"type": "tool_call", "id": "call", "name": tool.name, "args": arguments_of(tool, action["input"])}


async def _artifacts(workspace: SessionWorkspace | None, names: Sequence[str]) -> list[ArtifactRef]:
    if workspace is None or not names:
        return []
    infos = await workspace.files(names)
    return [ArtifactRef(filename=info.name, mime=info.mime, bytes=info.bytes) for info in infos]

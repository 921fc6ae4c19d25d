"""`/api/tools`: direct calls of the agent's tools."""

import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.dependencies import current_user, member, services_of
from api.errors import bad_request, not_found
from api.openapi import errors
from api.runs.run import Emit, stopping_when_gone
from api.services import Services
from api.turns.turn import charged
from api.wire.steps import public_artifact
from checkpoints.users import User
from llm.errors import BackendStoppedError, ModelError
from llm.usage import UsageCounter
from tools import TOOLS, build_all, describe_all
from tools.errors import ToolError, ToolSilent
from tools.results import Extras

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Result:
    """The tool's output or error, and its other results."""

    output: str
    error: str | None
    extras: Extras


class ToolRequest(BaseModel):
    """`input` follows the tool's own schema."""

    model_config = ConfigDict(extra="forbid")

    session_id: str | None = Field(default=None, description="the session to continue; default: a new one")
    input: dict[str, Any]


@router.get("/api/tools", dependencies=[Depends(current_user)])
async def list_tools(services: Services = Depends(services_of)) -> dict[str, Any]:
    """List the tools with name, description and input schema."""
    return {"tools": describe_all(services.settings.web.off)}


@router.post("/api/tools/{name}", responses=errors(400, 404, 409, 503))
async def call_tool(
    name: str,
    body: ToolRequest,
    request: Request,
    services: Services = Depends(services_of),
    user: User = Depends(member),
) -> dict[str, Any]:
    """Run one tool in a session. Errors of the tool itself are returned as `error`, with status 200."""
    if name not in TOOLS or name in services.settings.web.off:
        raise not_found(f"tool {name!r}")
    given = _checked(TOOLS[name].INPUT, body.input)
    began = time.perf_counter()
    policy = services.turns.options.policy(request.headers.get("x-run-policy"))
    model = services.models.get(await services.models.default_of(user))
    async with services.turns.session(body.session_id or None, user, title=name, policy=policy) as locked:
        session, workspace = locked.session, locked.workspace
        results: list[Result] = []

        async def work(_emit: Emit) -> None:
            budget = services.turns.runner.contexts.budget()
            async with charged(budget, user.id, services.store):
                tool = build_all(services.kits.kit(workspace, user.id, model))[name]
                results.append(await _run(tool, given, budget.usage))

        run = locked.lock.start(work)
        services.access.add_run(user, run)
        try:
            async with stopping_when_gone(run, request):
                await run.wait()
        finally:
            await run.stop()
        if run.error is not None:
            raise run.error
        result = results[0]
        infos = await workspace.files(result.extras.files)
        return {
            "session_id": session.id,
            "output": result.output,
            "error": result.error,
            "artifacts": [public_artifact(session.id, info) for info in infos],
            "sources": list(result.extras.sources),
            "data": result.extras.data,
            "duration_ms": round((time.perf_counter() - began) * 1000),
        }


def _checked(schema: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """The input, validated with the tool's schema. Raises 400 that names the field."""
    try:
        return schema.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["input", *map(str, first["loc"])])
        raise bad_request(f"{where}: {first['msg']}", where) from error


async def _run(tool: BaseTool, given: dict[str, Any], usage: UsageCounter) -> Result:
    call = {"type": "tool_call", "id": "call", "name": tool.name, "args": given}
    try:
        answer = await tool.ainvoke(call, {"callbacks": [usage]})
    except ToolSilent:
        return Result("", None, Extras())
    except ToolError as error:
        return Result("", str(error), Extras(files=error.new_files, data=error.data))
    except BackendStoppedError:
        raise
    except ModelError as error:  # from a model that the tool uses
        return Result("", str(error), Extras())
    return Result(str(answer.content), None, answer.artifact)

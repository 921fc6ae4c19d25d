"""`/api/tools`: what the agent may call, called directly."""

import time
from typing import Any

from fastapi import APIRouter, Depends
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.answer import artifact_url
from api.dependencies import current_user, services_of
from api.errors import bad_request, not_found
from api.services import Services
from api.turns import hold_session
from tools import INPUTS, build_all, describe_all
from tools.errors import ToolError
from workspace.folder import file_info

router = APIRouter()


class ToolRequest(BaseModel):
    """`input` is of the tool's own schema."""

    model_config = ConfigDict(extra="forbid")

    session_id: str | None = Field(default=None, description="continue this session; a new one when it is left out")
    input: dict[str, Any]


@router.get("/api/tools")
async def list_tools() -> dict[str, Any]:
    """Name, description and input schema of each tool."""
    return {"tools": describe_all()}


@router.post("/api/tools/{name}")
async def call_tool(
    name: str, body: ToolRequest, services: Services = Depends(services_of), user: str = Depends(current_user)
) -> dict[str, Any]:
    """Run one tool in a session. What the tool itself says went wrong is `error`, with status 200."""
    if name not in INPUTS:
        raise not_found(f"tool as {name!r}")
    given = _checked(INPUTS[name], body.input)
    async with hold_session(body.session_id, services, user, first_words=name) as (session, workspace):
        began = time.perf_counter()
        output, error, files = await _run(build_all(workspace)[name], given)
        infos = [file_info(workspace.folder, file) for file in files if (workspace.folder / file).is_file()]
        return {
            "session_id": session.id,
            "output": output,
            "error": error,
            "artifacts": [
                {"filename": i.name, "url": artifact_url(session.id, i.name), "mime": i.mime, "bytes": i.bytes}
                for i in infos
            ],
            "sources": [],
            "duration_ms": round((time.perf_counter() - began) * 1000),
        }


def _checked(schema: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """The input, as the tool's schema has it. Raises 400 that names the field."""
    try:
        return schema.model_validate(given).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["input", *map(str, first["loc"])])
        raise bad_request(f"{where}: {first['msg']}", where) from error


async def _run(tool: BaseTool, given: dict[str, Any]) -> tuple[str, str | None, list[str]]:
    """`(output, error, names of new files)`."""
    try:
        answer = await tool.ainvoke({"type": "tool_call", "id": "call", "name": tool.name, "args": given})
    except ToolError as error:
        return "", str(error), error.new_files
    return str(answer.content), None, list(answer.artifact or [])

"""Runs a `python_coder` task from Python, without a server: with the same session folders, kernels and models."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.model_registry import fetch_chat
from api.services import Services, open_services
from api.settings import load_settings
from checkpoints.users import LOCAL
from llm.factory import load_models
from tools import build_all
from tools.errors import ToolError
from tools.names import PYTHON_CODER
from workspace.session import SessionWorkspace


@dataclass(frozen=True, slots=True)
class CodeTask:
    """The result of a task. `error` is None if a program succeeded; `code` is the last program written."""

    session_id: str
    output: str
    error: str | None
    code: str
    artifacts: list[Path]


async def execute_code_task(
    query: str,
    file_paths: Sequence[str | Path] = (),
    session_id: str | None = None,
    *,
    services: Services | None = None,
) -> CodeTask:
    """Write and run a program for `query`, and fix it if it fails.

    The files are copied into the session. With the `session_id` of an earlier result, its variables and files are
    available. For several tasks, pass the `services` opened by `local_services`, so that the model is loaded only once.
    Raises `OSError` if a file cannot be read, `ApiError` if the session does not exist.
    """
    if services is None:
        async with local_services() as opened:
            return await execute_code_task(query, file_paths, session_id, services=opened)
    async with services.turns.session(session_id, LOCAL, title=query) as locked:
        session, workspace = locked.session, locked.workspace
        names = [await _copy(Path(path), workspace) for path in file_paths]
        model = services.models.get(services.models.default)
        tool = build_all(services.kits.kit(workspace, LOCAL.id, model))[PYTHON_CODER]
        call = {"type": "tool_call", "id": "call", "name": PYTHON_CODER, "args": {"task": query, "files": names}}
        error = None
        try:
            answer = await tool.ainvoke(call)
            output, data, files = str(answer.content), answer.artifact.data, list(answer.artifact.files)
        except ToolError as failed:
            output, data, files, error = "", failed.data, failed.new_files, str(failed)
        artifacts = [workspace.folder / name for name in files]
        return CodeTask(session.id, output, error, str(data.get("code", "")), artifacts)


@asynccontextmanager
async def local_services() -> AsyncIterator[Services]:
    """Open all services without the server, configured from the environment; missing weights are fetched.

    Raises `SettingsError`, `ModelError`, `FetchError` or `SandboxUnavailable`.
    """
    settings = load_settings()
    await asyncio.to_thread(fetch_chat, settings.models)
    models = await load_models(settings.models)
    async with open_services(settings, models.chat, models.vision, coder=models.coder) as services:
        yield services


async def _copy(path: Path, workspace: SessionWorkspace) -> str:
    """Returns the file's name in the session."""
    part = workspace.scratch / secrets.token_hex(8)
    try:
        await asyncio.to_thread(shutil.copyfile, path, part)
        return (await workspace.take_file(path.name, part)).name
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)

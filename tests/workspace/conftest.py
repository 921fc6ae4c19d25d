"""Fixtures: sessions with real kernels in the real sandbox."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from workspace.jail.fork_server import ForkServer
from workspace.jail.settings import JailSettings
from workspace.kernel import Kernel
from workspace.session import SessionWorkspace
from workspace.settings import WorkspaceSettings
from workspace.workspaces import Workspaces

Opened = Callable[..., AbstractAsyncContextManager[Workspaces]]


SETTINGS = WorkspaceSettings(python_code_timeout=30, max_output_chars=1000)
JAIL = JailSettings(python_code_preload_libraries=("matplotlib.pyplot",), message_mb=2, idle_cpu_seconds=1)


@pytest.fixture(scope="module")
async def fork_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForkServer]:
    made = ForkServer(JAIL, tmp_path_factory.getbasetemp())
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
async def workspaces(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> AsyncIterator[Workspaces]:
    async with running(SETTINGS, tmp_path_factory.mktemp("data"), fork_server) as made:
        yield made


@pytest.fixture
def opened(tmp_path: Path, fork_server: ForkServer) -> Opened:
    """Opens workspaces for the test; again on the same folder after they have ended."""

    def begin(**values: Any) -> AbstractAsyncContextManager[Workspaces]:
        return running(SETTINGS.model_copy(update=values), tmp_path, fork_server)

    return begin


@asynccontextmanager
async def running(settings: WorkspaceSettings, folder: Path, fork_server: ForkServer) -> AsyncIterator[Workspaces]:
    places = {"sessions": folder / "sessions", "snapshots": folder / "snapshots", "scratch": folder}
    made = Workspaces(settings, JAIL, **places, max_file_bytes=64 << 20, fork_server=fork_server)
    await made.start(boot=False)
    try:
        yield made
    finally:
        async with asyncio.timeout(20):
            await made.aclose()


@pytest.fixture
async def workspace(workspaces: Workspaces, request: pytest.FixtureRequest) -> AsyncIterator[SessionWorkspace]:
    name = str(abs(hash(request.node.name)))
    yield await workspaces.open(name, "ann")
    await workspaces.discard(name)


@pytest.fixture
def kernel(workspace: SessionWorkspace) -> Kernel:
    return workspace.kernel

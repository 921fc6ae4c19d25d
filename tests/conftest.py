"""Fixtures: a scripted model and a service that speaks with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, running, settings_for
from tests.shared import SHARED


@pytest.fixture(scope="session", autouse=True)
async def fork_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Shared by the services of all tests; started by the first that needs one."""
    root = tmp_path_factory.getbasetemp()
    async with SHARED.open(settings_for(root), root):
        yield


@pytest.fixture
def model() -> ScriptedChat:
    return ScriptedChat()


@pytest.fixture
def start(tmp_path: Path, model: ScriptedChat) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """Start a service on the test's data folder; again after it has ended, to see what was kept."""

    def begin(*, own_fork_servers: bool = False, **values: Any) -> AbstractAsyncContextManager[Service]:
        return running(settings_for(tmp_path / "data", **values), model, own_fork_servers=own_fork_servers)

    return begin


@pytest.fixture
async def service(start: Callable[..., AbstractAsyncContextManager[Service]]) -> AsyncIterator[Service]:
    async with start() as running_service:
        yield running_service

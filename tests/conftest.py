"""Fixtures: a scripted model and a service that uses it."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from api.services import ForkServers
from llm.scripted import ScriptedChat
from tests.agent import Agent, Agents, open_agents
from tests.blocking import blocking_calls_fail
from tests.serving import Service, renew, running, settings_for, until
from tests.shared import SHARED


def pytest_unconfigure() -> None:
    """llama.cpp's bindings open the null device when they are imported, and only close it at exit."""
    if (utils := sys.modules.get("llama_cpp._utils")) is not None:
        utils.outnull_file.close()
        utils.errnull_file.close()


@pytest.fixture(scope="session", autouse=True)
def nothing_blocks() -> Iterator[None]:
    with blocking_calls_fail():
        yield


@pytest.fixture(scope="session", autouse=True)
async def fork_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForkServers]:
    """Shared by the services of all tests; started by the first test that needs one."""
    root = tmp_path_factory.getbasetemp()
    async with SHARED.open(settings_for(root), root) as servers:
        yield servers


@pytest.fixture(scope="session")
async def agents(tmp_path_factory: pytest.TempPathFactory, fork_servers: ForkServers) -> AsyncIterator[Agents]:
    async with open_agents(settings_for(tmp_path_factory.mktemp("agents")), fork_servers) as opened:
        yield opened


@pytest.fixture
async def agent(agents: Agents, model: ScriptedChat) -> AsyncIterator[Agent]:
    """The graph, the tools and a workspace, without a service."""
    async with agents.agent(model) as made:
        yield made


@pytest.fixture
def start(tmp_path: Path, model: ScriptedChat) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """Start a service on the test's data folder; again after it has ended, to check what was stored."""

    def begin(*, own_fork_servers: bool = False, **values: Any) -> AbstractAsyncContextManager[Service]:
        return running(settings_for(tmp_path / "data", **values), model, own_fork_servers=own_fork_servers)

    return begin


# Each test has its own `service` and `model`, or its module has them if it is marked `one_service`.


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.getfixturevalue("service_of_module" if _shares(request) else "own_service")
    return found


@pytest.fixture
def model(request: pytest.FixtureRequest) -> ScriptedChat:
    found: ScriptedChat = request.getfixturevalue("model_of_module") if _shares(request) else ScriptedChat()
    return found


@pytest.fixture
async def own_service(start: Callable[..., AbstractAsyncContextManager[Service]]) -> AsyncIterator[Service]:
    async with start() as started:
        yield started


@pytest.fixture
async def service_of_module(
    module_service: tuple[Service, ScriptedChat], model_of_module: ScriptedChat
) -> AsyncIterator[Service]:
    """In the state that earlier tests left; what the test has started there ends with it."""
    service, _ = module_service
    yield service
    await until(lambda: service.idle)


@pytest.fixture
def model_of_module(module_service: tuple[Service, ScriptedChat]) -> ScriptedChat:
    """Without a script and with an empty record of calls."""
    _, model = module_service
    renew(model, ScriptedChat())
    return model


@pytest.fixture(scope="module")
async def module_service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, ScriptedChat]]:
    model = ScriptedChat()
    async with running(settings_for(tmp_path_factory.mktemp("module") / "data"), model) as started:
        yield started, model


def _shares(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("one_service") is not None

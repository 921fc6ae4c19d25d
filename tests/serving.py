"""A real server on a free port, inside the test's own event loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from api.server import Server, listen, server_of, share_threads
from api.services import open_services
from api.settings import Settings, settings_from
from api.settings.variables import variables_of
from llm.scripted import ScriptedChat
from tests.shared import SHARED


def settings_for(folder: Path, **values: Any) -> Settings:
    """Settings by lower-case variable names; kernels start without libraries and password hashing is cheap."""
    defaults: dict[str, Any] = {
        "server_port": 0,
        "data_dir": folder,
        "python_code_preload_libraries": (),
        "argon2_memory_mb": 1,
        "argon2_passes": 1,
    }
    given = {name.upper(): value for name, value in {**defaults, **values}.items()}
    assert given.keys() <= {variable.name for variable in variables_of(Settings)}
    return settings_from(given)


@dataclass
class Service:
    """What a test needs of a running server."""

    url: str
    server: Server
    client: AsyncOpenAI
    http: httpx.AsyncClient
    settings: Settings

    @property
    def idle(self) -> bool:
        """Whether no run is under way."""
        return not self.server._locks._active


@asynccontextmanager
async def running(
    settings: Settings,
    model: BaseChatModel,
    *more_models: BaseChatModel,
    coder: BaseChatModel | None = None,
    seeing: BaseChatModel | None = None,
    own_fork_servers: bool = False,
) -> AsyncIterator[Service]:
    """Serve until the block ends, then shut down as on a signal.

    Its kernels and readers are forked from shared fork servers, unless it is given its own.
    """
    fork_servers = None if own_fork_servers else SHARED.for_service(settings)
    await share_threads()
    with listen(settings.server) as sock:
        async with open_services(
            settings, model, seeing, more_models, coder=coder, boot=False, fork_servers=fork_servers
        ) as services:
            server = server_of(services)
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            try:
                async with (
                    httpx.AsyncClient(base_url=url, timeout=120, verify=_tls()) as http,
                    DefaultAsyncHttpxClient(timeout=120, verify=_tls()) as http_of_openai,
                    AsyncOpenAI(
                        base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http_of_openai
                    ) as client,
                ):
                    yield Service(url, server, client, http, settings)
            finally:
                server.should_exit = True
                await serving


@cache
def _tls() -> ssl.SSLContext:
    """Created once: reading the certificates takes longer than most tests."""
    return ssl.create_default_context()


def renew(model: ScriptedChat, fresh: ScriptedChat) -> None:
    """Reset a model used by services: with the script of `fresh`, and an empty record of calls."""
    for name, value in fresh:
        setattr(model, name, value)


def folders(service: Service) -> list[Path]:
    """The folders of all sessions."""
    sessions = service.settings.data_dir / "sessions"
    return sorted(sessions.iterdir()) if sessions.exists() else []


def python_step(code: str, thought: str = "I compute it.") -> str:
    """A scripted reply that runs a program."""
    return f"Thought: {thought}\nAction: python_coder\nAction Input:\n```python\n{code}\n```"


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something without an event; fails if it does not happen."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

"""A real server on a free port, inside the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel
from openai import AsyncOpenAI

from api.server import Server, listen, serve
from api.settings import Settings, settings_from
from api.settings.variables import variables_of


def settings_for(folder: Path, **values: Any) -> Settings:
    """Settings by the names of their variables in lower case; kernels start bare and passwords are cheap."""
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
    extra: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def running(
    settings: Settings,
    model: BaseChatModel,
    *more_models: BaseChatModel,
    coder: BaseChatModel | None = None,
    seeing: BaseChatModel | None = None,
) -> AsyncIterator[Service]:
    """Serve until the block ends, then shut down as a signal would."""
    loop = asyncio.get_running_loop()
    with listen(settings.server) as sock:
        started: asyncio.Future[Server] = loop.create_future()
        serving = asyncio.create_task(
            serve(
                settings,
                model,
                sock,
                lambda server, _: started.set_result(server),
                more_models=more_models,
                coder=coder,
                seeing=seeing,
                boot=False,
            )
        )
        serving.add_done_callback(lambda task: None if started.done() else started.set_exception(_reason(task)))
        await started
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        try:
            async with (
                AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as client,
                httpx.AsyncClient(base_url=url, timeout=120) as http,
            ):
                yield Service(url, started.result(), client, http, settings)
        finally:
            started.result().should_exit = True
            await serving


def _reason(task: "asyncio.Task[None]") -> BaseException:
    return task.exception() or RuntimeError("the service ended before it started")


def python_step(code: str, thought: str = "I compute it.") -> str:
    """A scripted reply that runs a program."""
    return f"Thought: {thought}\nAction: python_coder\nAction Input:\n```python\n{code}\n```"


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that no event tells; fails when it does not come."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

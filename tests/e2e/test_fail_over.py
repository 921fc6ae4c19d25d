"""Two real model servers in separate processes, one of which is killed: during an answer, and while idle."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from llm.factory import load_models
from tests.e2e.model_servers import MODEL
from tests.serving import Service, running, settings_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


class LlamaServer:
    """One server, on the same port each time it is started."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._process: subprocess.Popen[str] | None = None
        self.url = "http://127.0.0.1:0"

    def start(self) -> None:
        """Returns when it is ready."""
        command = [sys.executable, "-m", "tests.e2e.model_servers", self.url.rpartition(":")[2]]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._process = self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        assert self.url

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def busy(self) -> bool:
        async with httpx.AsyncClient(timeout=10) as http:
            slots = (await http.get(f"{self.url}/slots")).json()
        return any(slot["is_processing"] for slot in slots)


@asynccontextmanager
async def served(folder: Path, *servers: LlamaServer) -> AsyncIterator[Service]:
    where = ",".join(f"{server.url}/v1" for server in servers)
    settings = settings_for(folder, llm_backend="openai", openai_base_url=where, openai_model=MODEL)
    async with running(settings, (await load_models(settings.models)).chat) as service:
        yield service


async def ask(service: Service, words: str = "Say yes.", max_tokens: int = 3, **more: Any) -> Any:
    return await service.client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": words}], max_tokens=max_tokens, timeout=120, **more
    )


async def health(service: Service) -> tuple[str, str, dict[str, int]]:
    told = (await service.http.get("/health")).json()
    return told["status"], told["openai_connection"], told["openai_servers"]


async def test_a_server_is_killed_in_mid_stream_then_the_other_at_rest(tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, two = LlamaServer(stack), LlamaServer(stack)
        for server in (one, two):
            await asyncio.to_thread(server.start)
        async with served(tmp_path, one, two) as service:
            assert await health(service) == ("ok", "connected", {"connected": 2, "total": 2})
            await ask(service)

            stream = await ask(service, "Count from 1 to 300.", max_tokens=200, stream=True)
            parts = []
            with pytest.raises(openai.APIError, match=r"connection|respond"):
                async for chunk in stream:
                    parts += [choice.delta.content or "" for choice in chunk.choices]
                    if len([part for part in parts if part]) == 4:
                        (dying,) = [server for server in (one, two) if await server.busy()]
                        dying.kill()
            left = two if dying is one else one
            assert "".join(parts).strip(), "what was said before stays said"
            assert not await left.busy(), "a reply that had begun is not begun anew elsewhere"

            for _ in range(2):
                assert (await ask(service)).choices[0].message.content
            assert await health(service) == ("ok", "connected", {"connected": 1, "total": 2})

            left.kill()
            with pytest.raises(openai.APIStatusError) as refused:
                await ask(service)
            assert (refused.value.status_code, "OPENAI_BASE_URL" in refused.value.message) == (503, True)
            assert await health(service) == ("degraded", "disconnected", {"connected": 0, "total": 2})

            await asyncio.to_thread(dying.start)
            async with asyncio.timeout(30):
                while (await health(service))[0] != "ok":  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert (await ask(service)).choices[0].message.content, "the one that came back is used again"

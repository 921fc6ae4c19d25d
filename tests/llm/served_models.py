"""Models on misbehaving servers, directly and behind the whole service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llm.factory import load_models, opened
from llm.served.chat import ServedChat
from llm.settings import ModelSettings, OllamaSettings, OpenAISettings
from tests.llm.model_server import ModelServer
from tests.serving import Service, running, settings_for

HI = [HumanMessage("hi")]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}}]


def settings(*servers: ModelServer, timeout: float = 5, **more: Any) -> ModelSettings:
    kind, more = servers[0].kind, {"model": "tiny", "timeout": timeout, **more}
    if kind == "openai":
        urls = tuple(server.url for server in servers)
        return ModelSettings(llm_backend=kind, openai=OpenAISettings(base_url=urls, **more))
    return ModelSettings(llm_backend=kind, ollama=OllamaSettings(host=servers[0].url, **more))


@asynccontextmanager
async def chatting(*servers: ModelServer, **more: Any) -> AsyncIterator[ServedChat]:
    models = await load_models(settings(*servers, **more))
    async with opened(models.all):
        assert isinstance(models.chat, ServedChat)
        yield models.chat


@asynccontextmanager
async def served(folder: Path, *servers: ModelServer, **values: Any) -> AsyncIterator[Service]:
    """The whole service in front of the servers."""
    kind = servers[0].kind
    urls = ",".join(server.url for server in servers)
    where = {"ollama_host": urls} if kind == "ollama" else {"openai_base_url": urls}
    given = settings_for(folder, llm_backend=kind, **{f"{kind}_model": "tiny", f"{kind}_timeout": 5}, **where, **values)
    models = await load_models(given.models)
    async with running(given, models.chat, coder=models.coder, seeing=models.vision) as service:
        yield service


async def ask(service: Service, **more: Any) -> Any:
    body = {"messages": [{"role": "user", "content": "hi"}], "agent_type": "chat", **more}
    return await service.http.post("/v1/chat/completions", json=body)

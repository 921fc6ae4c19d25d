"""The same cases with real model servers, selected by settings alone: llama.cpp's own, and an Ollama in front of it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.settings import Settings
from llm.factory import load_models, open_embeddings, opened
from llm.served.chat import ServedChat
from tests.e2e.conftest import PRELOAD
from tests.e2e.test_path import ask_about_a_file, streamed
from tests.serving import Service, running, settings_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

BACKENDS = ("openai", "ollama")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.e2e.model_servers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.kill()


@pytest.fixture(params=BACKENDS)
def chosen(request: pytest.FixtureRequest, servers: dict[str, str], tmp_path: Path) -> Settings:
    backend: str = request.param
    where = {"openai_base_url": servers["openai"], "ollama_host": servers["ollama"], f"{backend}_model": "qwen"}
    return settings_for(
        tmp_path,
        llm_backend=backend,
        # The embedded backend's default; a server's is higher.
        **{f"{backend}_temperature": 0.0},
        # A model of this size works better with the text protocol.
        tool_protocol="text",
        python_code_preload_libraries=PRELOAD,
        **where,
    )


@pytest.fixture
async def service(chosen: Settings) -> AsyncIterator[Service]:
    models = await load_models(chosen.models)
    async with running(chosen, models.chat) as started:
        yield started


async def test_the_path_of_the_readme(service: Service) -> None:
    session = await ask_about_a_file(service)
    thoughts, text, steps = await streamed(service, "And how many rows does the data have?", session)
    assert "```python\n" in thoughts
    assert steps
    assert "48" in text
    health = (await service.http.get("/health")).json()
    assert (health["status"], health[f"{service.settings.models.llm_backend}_connection"]) == ("ok", "connected")


async def test_tools_of_the_client_s_are_called(service: Service) -> None:
    said = await service.client.chat.completions.create(
        model="chat",
        messages=[{"role": "user", "content": "What is the weather in Oslo? Use the tool."}],
        tools=[WEATHER],  # type: ignore[list-item]
        timeout=600,
    )
    (call,) = said.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Oslo"})


async def test_the_model_s_own_ways(chosen: Settings) -> None:
    models = await load_models(chosen.models)
    async with opened(models.all):
        model = models.chat
        assert isinstance(model, ServedChat)
        await model.ready()
        assert model.window == 8192
        said = await model.ainvoke("Is Paris in France or in Spain?", choices=["France", "Spain"], max_tokens=16)
        assert said.text == "France"
        counted: Any = await model.ainvoke("Count from 1 to 50.", max_tokens=5)
        assert counted.response_metadata["finish_reason"] == "length"
        assert counted.usage_metadata["output_tokens"] == 5
        stream = model.astream("Write a very long story.")
        pieces = [await anext(stream) for _ in range(3)]
        await stream.aclose()  # type: ignore[attr-defined]
        assert all(piece.text for piece in pieces)
        async with asyncio.timeout(60):
            await model.ainvoke("Say yes.", max_tokens=2)


@pytest.mark.parametrize("backend", BACKENDS)
async def test_vectors_come_from_the_server(servers: dict[str, str], tmp_path: Path, backend: str) -> None:
    where = {"openai_base_url": servers["embedding"], "ollama_host": servers["ollama"], "embedding_model": "qwen"}
    embedder = open_embeddings(settings_for(tmp_path, embedding_backend=backend, **where).models)
    vectors = await embedder.passages(["a cat on a mat", "interest rates rose"])
    assert vectors.shape[1] == (await embedder.identity()).dimension
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-4)
    await embedder.aclose()

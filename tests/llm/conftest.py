"""One misbehaving server of each kind."""

from collections.abc import AsyncIterator

import pytest

from tests.llm.model_server import ModelServer, model_server


@pytest.fixture(params=["openai", "ollama"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ModelServer]:
    async with model_server(request.param) as started:
        yield started


@pytest.fixture
async def vllm() -> AsyncIterator[ModelServer]:
    async with model_server("openai") as started:
        yield started


@pytest.fixture
async def ollama() -> AsyncIterator[ModelServer]:
    async with model_server("ollama") as started:
        yield started

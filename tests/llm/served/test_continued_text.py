"""Plain text continued by a model server, directly and through `/v1/completions`."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from llm.errors import ModelError
from tests.llm.model_server import Behave, ModelServer, drop, fail, model_server, send
from tests.llm.served_models import chatting, served

PROMPT = [HumanMessage("def add(a, b):\n    ")]


@pytest.fixture(params=["openai", "ollama"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ModelServer]:
    async with model_server(request.param) as made:
        yield made


def continued(server: ModelServer, *pieces: str, reason: str = "stop") -> Behave:
    frames: list[dict[str, Any]] = []
    if server.kind == "ollama":
        frames = [{"model": "tiny", "response": piece, "done": False} for piece in pieces]
        counts = {"prompt_eval_count": 7, "eval_count": 3}
        frames.append({"model": "tiny", "response": "", "done": True, "done_reason": reason, **counts})
        return send(*(json.dumps(frame).encode() + b"\n" for frame in frames))
    head = {"id": "c", "object": "text_completion", "created": 0, "model": "tiny"}
    frames = [{**head, "choices": [_choice(piece, None)]} for piece in pieces]
    frames.append({**head, "choices": [_choice("", reason)]})
    frames.append({**head, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}})
    return send(*(f"data: {json.dumps(frame)}\n\n".encode() for frame in frames), b"data: [DONE]\n\n")


def _choice(text: str, reason: str | None) -> dict[str, Any]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


async def test_the_server_continues_the_text(server: ModelServer) -> None:
    server.script = [continued(server, "return", " <think>a</think>", " + b", reason="length")]
    async with chatting(server) as model:
        said = await model.ainvoke(PROMPT, raw=True, max_tokens=9, stop=["\n"], seed=3, presence_penalty=0.5)
    # What looks like a thought is part of the text.
    assert said.text == "return <think>a</think> + b"
    assert said.response_metadata["finish_reason"] == "length"
    assert said.usage_metadata is not None
    assert (said.usage_metadata["input_tokens"], said.usage_metadata["output_tokens"]) == (7, 3)
    (body,) = server.chats
    assert (body["prompt"], body["stream"]) == (PROMPT[0].text, True)
    assert "messages" not in body
    wishes = body.get("options", body)
    assert (wishes["stop"], wishes["seed"], wishes["presence_penalty"]) == (["\n"], 3, 0.5)
    assert wishes["num_predict" if server.kind == "ollama" else "max_tokens"] == 9
    assert body.get("raw", server.kind == "openai")


async def test_the_server_fills_the_gap(server: ModelServer) -> None:
    server.script = [continued(server, "return a + b")]
    async with chatting(server) as model:
        said = await model.ainvoke(PROMPT, raw=True, suffix="\n\nprint()")
    assert said.text == "return a + b"
    assert server.chats[0]["suffix"] == "\n\nprint()"
    assert not server.chats[0].get("raw"), "Ollama's template has the model's own marks"


async def test_trouble_before_the_first_word_is_not_seen_here_either(server: ModelServer) -> None:
    server.script = [drop(), fail(500), continued(server, "a + b")]
    async with chatting(server) as model:
        assert (await model.ainvoke(PROMPT, raw=True)).text == "a + b"


async def test_what_the_server_cannot_do_is_told(server: ModelServer) -> None:
    words = "suffix is not currently supported" if server.kind == "openai" else '"tiny" does not support insert'
    server.script = [fail(400, words)]
    async with chatting(server) as model:
        with pytest.raises(ModelError, match=words):
            await model.ainvoke(PROMPT, raw=True, suffix="x")


async def test_a_server_without_that_route_is_told_apart_from_a_missing_model(tmp_path: Path) -> None:
    async with model_server("openai") as server:
        server.models, server.script = ["tiny"], [fail(404, "Not Found")]
        async with served(tmp_path, server) as service:
            answer = await service.http.post("/v1/completions", json={"model": "tiny", "prompt": "a"})
    assert answer.status_code == 503
    assert "does not offer /v1/completions" in answer.json()["error"]["message"]


async def test_the_service_passes_completions_on(server: ModelServer, tmp_path: Path) -> None:
    server.script = [continued(server, "a ", "+ b")]
    async with served(tmp_path, server) as service:
        stream = await service.client.completions.create(model="tiny", prompt="return ", suffix="\n", stream=True)
        assert "".join([choice.text async for chunk in stream for choice in chunk.choices]) == "a + b"
        done = await service.client.completions.create(model="tiny", prompt="return ", max_tokens=5)
    assert done.choices[0].text == "a + b"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (7, 3)

"""Requests that try to block the service: each once did."""

import time
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service

pytestmark = pytest.mark.one_service

SOON = 5.0
"""Seconds on a busy machine; these requests used to take minutes and block all other clients."""


@pytest.mark.parametrize(
    "piece", ["<think>", '<details type="reasoning">', '<details type="reasoning"', "<details ", "<think></think >"]
)
async def test_security_thoughts_without_an_end_hold_nobody_up(
    service: Service, model: ScriptedChat, piece: str
) -> None:
    """Regression: each beginning was searched to the end of the text, and regular expressions block all threads."""
    model.replies, model.repeat = ["Hello."], True
    said = {"role": "assistant", "content": piece * 20_000}
    messages = [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "more"}]
    began = time.monotonic()
    answer = await service.http.post("/v1/chat/completions", json={"messages": messages, "model": "chat"})
    assert answer.status_code == 200
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("count", ["{1000000000}", "{3,1000000000}", "{,1000000000}", "{0001001}"])
async def test_security_a_pattern_that_repeats_is_not_spelled_out(service: Service, count: str) -> None:
    """Regression: the grammar spells out repetitions, so this one took all memory."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "pattern": f"^a{count}$"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"messages": [{"role": "user", "content": "hi"}], "response_format": form}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "response_format.json_schema.schema"
    assert "at most 1000" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "pattern",
    ["(" * 5000 + ")" * 5000, "(?:ab|cd)" * 100_000, "[a-z]" * 2_000_001, "{" + " " * 9000],
    ids=["deep", "alternatives", "long", "spaces"],
)
async def test_security_a_pattern_that_takes_long_to_compile_is_refused(service: Service, pattern: str) -> None:
    """Regression: a pattern of some megabytes blocked the event loop for minutes, and a deep one was a 500."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"messages": [{"role": "user", "content": "hi"}], "response_format": form}
    began = time.monotonic()
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert time.monotonic() - began < SOON
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "response_format.json_schema.schema"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
async def test_security_a_long_stop_sequence_is_refused(service: Service, path: str) -> None:
    """Regression: after each token, the answer was compared with every beginning of it, which took seconds."""
    body = {"messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "stop": ["a" * 1001]}
    answer = await service.http.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "stop"

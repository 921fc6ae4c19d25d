"""`/v1/completions`: plain text continued, through the official SDK."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from openai import BadRequestError, NotFoundError

from llm.errors import ModelError, PromptTooLongError
from llm.scripted import ScriptedChat
from tests.api.client import get, rows
from tests.people import LOGIN, person
from tests.serving import Service, folders, until

pytestmark = pytest.mark.one_service

Start = Callable[..., AbstractAsyncContextManager[Service]]


async def post(service: Service, **body: Any) -> httpx.Response:
    return await service.http.post("/v1/completions", json={"prompt": "def f(", **body})


async def test_a_text_is_continued(service: Service, model: ScriptedChat) -> None:
    model.replies = ["x, y):"]
    before = folders(service)
    done = await service.client.completions.create(
        model="scripted", prompt="def add(", max_tokens=32, temperature=0.2, top_p=0.9, stop=["\n\n"], seed=7
    )
    assert done.id.startswith("cmpl-")
    assert (done.object, done.model) == ("text_completion", "scripted")
    (choice,) = done.choices
    assert (choice.index, choice.text, choice.finish_reason, choice.logprobs) == (0, "x, y):", "stop", None)
    assert done.usage is not None
    assert done.usage.completion_tokens == 2
    assert [message.text for message in model.asked[0]] == ["def add("]
    given = {"raw": True, "max_tokens": 32, "temperature": 0.2, "top_p": 0.9, "stop": ["\n\n"], "seed": 7}
    assert model.arguments[0] == given
    assert folders(service) == before
    assert await get(service, "/api/conversations") == {"sessions": [], "has_more": False, "next_cursor": None}


async def test_a_text_is_streamed(service: Service, model: ScriptedChat) -> None:
    model.replies = ["a long enough continuation"]
    stream = await service.client.completions.create(
        model="auto", prompt="It is", stream=True, max_tokens=100, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert len({chunk.id for chunk in chunks}) == 1
    texts = [choice.text for chunk in chunks for choice in chunk.choices]
    assert len(texts) > 3
    assert "".join(texts) == "a long enough continuation"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-2:] == [None, "stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens


async def test_a_gap_is_filled_in(service: Service, model: ScriptedChat) -> None:
    model.replies = ["return a + b"]
    done = await service.client.completions.create(model="chat", prompt="def add(a, b):\n    ", suffix="\n\nprint()")
    assert done.choices[0].text == "return a + b"
    assert model.arguments[0]["suffix"] == "\n\nprint()"
    assert model.arguments[0]["max_tokens"] == 16


async def test_a_model_that_cannot_fill_in_says_so(service: Service, model: ScriptedChat) -> None:
    model.infills = False
    with pytest.raises(BadRequestError, match="suffix: this model cannot fill in text"):
        await service.client.completions.create(model="chat", prompt="a", suffix="b")
    assert model.asked == []


@pytest.mark.parametrize("stream", [False, True])
async def test_several_prompts_and_choices_are_numbered(service: Service, model: ScriptedChat, stream: bool) -> None:
    model.replies = ["1", "2", "3", "4"]
    asked: dict[str, Any] = {"model": "chat", "prompt": ["a", "b"], "n": 2, "echo": True, "seed": 5}
    if stream:
        chunks = [chunk async for chunk in await service.client.completions.create(stream=True, **asked)]
        texts = [""] * 4
        for choice in (choice for chunk in chunks for choice in chunk.choices):
            texts[choice.index] += choice.text
    else:
        done = await service.client.completions.create(**asked)
        assert [choice.index for choice in done.choices] == [0, 1, 2, 3]
        texts = [choice.text for choice in done.choices]
        assert done.usage is not None
        assert done.usage.completion_tokens == 4
    assert texts == ["a1", "a2", "b3", "b4"]
    assert [arguments["seed"] for arguments in model.arguments] == [5, 6, 5, 6]


async def test_the_limit_is_told(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one two three four"]
    done = await service.client.completions.create(model="chat", prompt="a", max_tokens=2)
    assert (done.choices[0].text, done.choices[0].finish_reason) == ("one two ", "length")
    none = await service.client.completions.create(model="chat", prompt="a", max_tokens=0, echo=True)
    assert (none.choices[0].text, none.choices[0].finish_reason) == ("a", "length")
    assert len(model.asked) == 1


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"logprobs": 2}, 400, "logprobs"),
    ({"logprobs": 0}, 400, "logprobs"),
    ({"best_of": 3}, 400, "best_of"),
    ({"logit_bias": {"50256": -100}}, 400, "logit_bias"),
    ({"prompt": [1, 2, 3]}, 400, "prompt"),
    ({"prompt": [[1, 2], [3]]}, 400, "prompt"),
    ({"prompt": {"a": 1}}, 400, "prompt"),
    ({"prompt": "x" * 1_000_001}, 400, "prompt"),
    ({"suffix": 3}, 400, "suffix"),
    ({"n": 0}, 400, "n"),
    ({"n": 17}, 400, "n"),
    ({"max_tokens": -1}, 400, "max_tokens"),
    ({"temperature": 3}, 400, "temperature"),
    ({"presence_penalty": 2.5}, 400, "presence_penalty"),
    ({"stop": ["a"] * 17}, 400, "stop"),
    ({"model": "gpt-9"}, 404, "model"),
    ({"model": "react"}, 404, "model"),
]


@pytest.mark.parametrize(("body", "status", "param"), BAD, ids=[str(case[0])[:40] for case in BAD])
async def test_what_cannot_be_done_is_named(service: Service, body: dict[str, Any], status: int, param: str) -> None:
    answer = await post(service, **body)
    assert answer.status_code == status, answer.text
    assert str(answer.json()["error"]["param"]).split(".")[0] == param


@pytest.mark.parametrize("body", [{"prompt": []}, {"prompt": ["a"] * 9, "n": 2}, {"prompt": ["x" * 400_000] * 3}])
async def test_the_number_and_the_size_of_choices_are_limited(service: Service, body: dict[str, Any]) -> None:
    assert (await post(service, **body)).status_code == 400


async def test_regression_repeated_prompts_of_16_mb_were_an_internal_error(
    service: Service, model: ScriptedChat
) -> None:
    told = await post(service, prompt="x" * 1_000_000, n=16, echo=True)
    assert told.status_code == 400
    assert "echo" in told.json()["error"]["message"]


async def test_a_prompt_that_does_not_fit_is_told_with_both_numbers(service: Service, model: ScriptedChat) -> None:
    model.replies = [PromptTooLongError(9000, 8192)] * 2
    with pytest.raises(BadRequestError, match=r"9000 tokens.* 8192") as refused:
        await service.client.completions.create(model="chat", prompt="a")
    assert (refused.value.param, refused.value.code) == ("prompt", "context_length_exceeded")
    frames = (await post(service, stream=True)).text.split("\n\n")
    assert "context_length_exceeded" in frames[-3]
    assert frames[-2:] == ["data: [DONE]", ""]


async def test_an_error_in_the_middle_is_told(service: Service, model: ScriptedChat) -> None:
    model.replies = ["first", ModelError("The model is gone.")]
    answer = await post(service, stream=True, n=2)
    frames = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n")[:-2]]
    assert "".join(choice["text"] for frame in frames for choice in frame["choices"]) == "first"
    assert frames[-1]["error"]["message"] == "The model is gone."
    model.replies = [*model.replies, ModelError("Gone again.")]
    failed = await post(service)
    assert (failed.status_code, failed.json()["error"]["message"]) == (503, "Gone again.")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_model(service: Service, model: ScriptedChat, stream: bool) -> None:
    model.replies, model.gate = ["word " * 100], asyncio.Semaphore(3)
    sent = asyncio.create_task(post(service, stream=stream, max_tokens=1000))
    await until(lambda: bool(model.asked) and model.gate is not None and model.gate.locked())
    assert service.server._locks._outside
    sent.cancel()
    await asyncio.gather(sent, return_exceptions=True)
    await until(lambda: not service.server._locks._outside)
    assert model.finished == 0


async def test_quotas_and_usage_hold_here_too(start: Start, model: ScriptedChat) -> None:
    model.replies = ["four words of text"] * 3
    async with start(**LOGIN, user_requests_per_minute=2) as service:
        assert (await post(service)).status_code == 401
        async with person(service, "ann", role="guest") as ann:
            body = {"prompt": "Once", "max_tokens": 50}
            answer = await ann.http.post("/v1/completions", json=body)
            used = answer.json()["usage"]
            stored = rows(service, "SELECT runs, tokens_in, tokens_out FROM usage")
            assert stored == [(1, used["prompt_tokens"], used["completion_tokens"])]
            answers = [await ann.http.post("/v1/completions", json=body) for _ in range(2)]
            assert [answer.status_code for answer in answers][-1] == 429


async def test_half_a_character_is_refused(service: Service) -> None:
    headers = {"content-type": "application/json"}
    answer = await service.http.post("/v1/completions", content=b'{"prompt": "\\ud83d"}', headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")


async def test_a_model_that_is_not_there_is_named(service: Service) -> None:
    with pytest.raises(NotFoundError, match="models that continue text: auto, chat, scripted"):
        await service.client.completions.create(model="davinci-002", prompt="a")

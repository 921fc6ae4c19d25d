"""The real engine: concurrent requests, immediate cancellation, exact results."""

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from llm.errors import BackendStoppedError, ModelDamagedError, ModelMissingError, PromptTooLongError
from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from tests.serving import Service
from workspace.fair_share import TENANT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def say(text: str) -> list[BaseMessage]:
    return [HumanMessage(text)]


async def test_ten_at_once_are_answered_and_none_mixed_up(real_service: Service) -> None:
    """While ten clients share the model, the event loop never waits longer than 50 ms (calmest of three rounds)."""
    rounds: list[float] = []

    async def probe() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            rounds[-1] = max(rounds[-1], time.perf_counter() - before)

    async def client(number: int) -> str:
        answer = await real_service.client.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": f"Repeat exactly this word and nothing else: item{number}"}],
            max_tokens=12,
            timeout=300,
        )
        return answer.choices[0].message.content or ""

    await client(99)  # the SDK, which shares our loop here, imports half of itself at its first call
    rounds.append(0)
    probing = asyncio.create_task(probe())
    for start in (100, 200, 300):
        rounds.append(0)
        texts = await asyncio.gather(*(client(start + number) for number in range(10)))
        assert [f"item{start + number}" in text for number, text in enumerate(texts)] == [True] * 10, texts
    probing.cancel()
    assert min(rounds[1:]) < 0.05, rounds


async def test_a_consumer_that_leaves_stops_generation_at_once(real_model: LlamaCppChat) -> None:
    async with aclosing(real_model.astream(say("Count from 1 to 500, one number a line."))) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            if "3" in chunk.text:
                break
    began = time.monotonic()
    while any(slot.run for slot in real_model.engine._slots):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert time.monotonic() - began < 0.5


async def test_wishes_are_honoured(real_model: LlamaCppChat) -> None:
    stopped = await real_model.ainvoke(say("Count from 1 to 20, one number a line."), stop=["7"])
    assert "6" in stopped.text
    assert "7" not in stopped.text
    assert stopped.response_metadata["finish_reason"] == "stop"
    short = await real_model.ainvoke(say("Count from 1 to 20."), max_tokens=5)
    assert short.response_metadata["finish_reason"] == "length"
    assert short.usage_metadata is not None
    assert short.usage_metadata["output_tokens"] == 5
    assert short.usage_metadata["input_tokens"] > 5
    warm: dict[str, Any] = {"temperature": 1.5, "max_tokens": 12}
    draws = [(await real_model.ainvoke(say("Invent a name."), seed=seed, **warm)).text for seed in (1, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1
    yes = await real_model.ainvoke(say("Is water wet?"), grammar='root ::= "maybe"')
    assert yes.text == "maybe"


async def test_the_same_prompt_is_read_once(real_model: LlamaCppChat) -> None:
    prompt = say("Answer with one word. " + "The sky is blue. " * 20 + "What colour is the sky?")
    await real_model.ainvoke(prompt, max_tokens=2)
    again = await real_model.ainvoke(prompt, max_tokens=2)
    assert again.usage_metadata is not None
    cached = again.usage_metadata.get("input_token_details", {}).get("cache_read", 0)
    assert cached == again.usage_metadata["input_tokens"] - 1


async def test_a_prompt_beyond_the_window_is_a_clear_error(real_model: LlamaCppChat) -> None:
    with pytest.raises(PromptTooLongError, match="8192"):
        await real_model.ainvoke(say("word " * 9000))


def test_a_missing_or_damaged_file_is_a_clear_error(tmp_path: Path, real_model: LlamaCppChat) -> None:
    with pytest.raises(ModelMissingError, match="make model"):
        build(LlamaCppSettings(model_path=tmp_path / "none.gguf"))
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelDamagedError, match="not a GGUF"):
        build(LlamaCppSettings(model_path=tmp_path / "text.gguf"))
    with real_model.engine._path.open("rb") as whole:
        (tmp_path / "half.gguf").write_bytes(whole.read(50_000_000))
    with pytest.raises(ModelDamagedError, match="damaged"):
        build(LlamaCppSettings(model_path=tmp_path / "half.gguf"))


async def test_closing_ends_what_is_being_generated() -> None:
    model = await asyncio.to_thread(build, LlamaCppSettings(n_ctx=512, parallel=1))
    running = asyncio.create_task(model.ainvoke(say("Count from 1 to 1000.")))
    waiting = asyncio.create_task(model.ainvoke(say("Count from 1 to 1000.")))
    while not any(slot.run for slot in model.engine._slots):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.to_thread(model.close)
    for task in (running, waiting):
        with pytest.raises(BackendStoppedError):
            await task
    with pytest.raises(BackendStoppedError):
        await model.ainvoke(say("hello"))


async def test_another_user_is_served_while_one_occupies_every_slot(real_model: LlamaCppChat) -> None:
    """A request that gives up its slot goes on later and loses nothing."""

    async def write(user: str, text: str, tokens: int) -> tuple[float, str, int]:
        TENANT.set(user)
        reply = await real_model.ainvoke(say(text), max_tokens=tokens)
        assert reply.usage_metadata is not None
        return time.monotonic(), reply.text, reply.usage_metadata["output_tokens"]

    numbers = "Count from 1 to 200, one number a line, nothing else."
    (_, alone, _) = await write("bob", numbers, 80)
    long = [asyncio.create_task(write("mallory", numbers, 80)) for _ in range(8)]
    while not all(slot.run for slot in real_model.engine._slots):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    served, text, _ = await write("alice", "Say only the word hello.", 5)
    assert "hello" in text.lower()
    ended, texts, tokens = zip(*await asyncio.gather(*long), strict=True)
    assert served < min(ended)
    assert set(tokens) == {80}
    assert {one[:40] for one in texts} == {alone[:40]}

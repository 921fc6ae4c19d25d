"""Models on servers that behave badly, in both protocols, directly and through the service."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from llm.errors import (
    MalformedCallError,
    ModelError,
    ModelMissingError,
    PromptTooLongError,
    ServerUnreachableError,
    ToolsUnsupportedError,
)
from llm.factory import load_models, opened
from llm.served import chat, ollama_pull, server_pool
from llm.served.chat import ServedChat
from llm.settings import ModelSettings, OllamaSettings, OpenAISettings
from tests.llm.model_server import (
    WINDOW,
    ModelServer,
    drop,
    fail,
    hang,
    model_server,
    refuse_when,
    say,
    send,
)
from tests.llm.served_models import HI, TOOLS, ask, chatting, served, settings
from tests.serving import running, settings_for, until


async def test_a_reply_comes_with_its_thoughts_usage_and_reason(server: ModelServer) -> None:
    server.capabilities.append("thinking")
    server.script = [say("he", "llo", thought="hm")]
    async with chatting(server) as model:
        parts = [part async for part in model.astream(HI)]
        whole = sum(parts[1:], parts[0])
        assert isinstance(whole, AIMessageChunk)
        assert whole.text == "hello"
        assert whole.additional_kwargs["reasoning_content"] == "hm"
        assert whole.response_metadata["finish_reason"] == "stop"
        assert whole.usage_metadata is not None
        assert (whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]) == (7, 3)
        at_once = await model.ainvoke(HI)
        assert (at_once.text, at_once.additional_kwargs["reasoning_content"]) == ("hello", "hm")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_thoughts_of_either_name_reach_the_client(vllm: ModelServer, tmp_path: Path, field: str) -> None:
    vllm.script = [say("hello", thought="I greet.", field=field)]
    async with served(tmp_path, vllm) as service:
        stream = await service.client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        deltas = [chunk.choices[0].delta async for chunk in stream if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas).strip() == "I greet."
    assert "".join(delta.content or "" for delta in deltas) == "hello"


async def test_thoughts_inside_the_text_are_thoughts(server: ModelServer) -> None:
    thinking = ("<thi", "nk>\nI gre", "et.</th", "ink>\n", "\n")
    server.script = [
        say(*thinking, "hel", "lo"),
        say(*thinking, '{"choice": "b"}'),
        say(*thinking, '{"name": "add", "arguments": {"a": 1}}'),
        say("<think>", "no end"),
    ]
    async with chatting(server) as model:
        parts = [part async for part in model.astream(HI)]
        assert [part.text for part in parts if part.text] == ["hel", "lo"]
        chosen, called, cut = [
            await model.ainvoke(HI, choices=["a", "b"]),
            await model.bind_tools(TOOLS).ainvoke(HI),
            await model.ainvoke(HI),
        ]
    thoughts = [part.additional_kwargs.get("reasoning_content", "") for part in parts]
    assert "".join(thoughts) == chosen.additional_kwargs["reasoning_content"] == "I greet."
    assert chosen.text == "b"
    assert ([call["name"] for call in called.tool_calls], called.text) == (["add"], "")
    assert (cut.text, cut.additional_kwargs["reasoning_content"]) == ("", "no end")


@pytest.mark.parametrize("trouble", [drop(), fail(500), fail(503), send(b'{"mess'), send(b"data: {]\n\n"), send()])
async def test_trouble_before_the_first_word_is_not_seen(server: ModelServer, trouble: Any) -> None:
    server.script = [trouble, say("hello")]
    async with chatting(server) as model:
        assert (await model.ainvoke(HI)).text == "hello"
    assert len(server.chats) == 2


async def test_after_the_first_word_nothing_is_asked_again(server: ModelServer) -> None:
    server.script = [drop("he", "l"), say("hello")]
    async with chatting(server) as model:
        with pytest.raises(ServerUnreachableError):
            _ = [part async for part in model.astream(HI)]
    assert len(server.chats) == 1


async def test_half_a_line_in_the_middle_is_no_whole_reply(server: ModelServer) -> None:
    async def cut(reply: Any) -> None:
        await reply.begin()
        await reply.text("he")
        await reply.raw(b'{"message": {"con' if reply.kind == "ollama" else b'data: {"choices": [{"del\n\n')
        await reply.close()

    server.script = [cut]
    async with chatting(server) as model:
        with pytest.raises(ModelError):
            await model.ainvoke(HI)
    assert len(server.chats) == 1


async def test_a_drop_in_the_middle_is_an_error_for_the_client(server: ModelServer, tmp_path: Path) -> None:
    server.script = [drop("he", "llo"), say("well again")]
    async with served(tmp_path, server) as service:
        answer = await ask(service)
        assert answer.status_code == 503
        assert "connection" in answer.json()["error"]["message"] or "respond" in answer.json()["error"]["message"]
        again = await ask(service)
        assert again.json()["choices"][0]["message"]["content"] == "well again"


async def test_an_empty_reply_is_asked_again(server: ModelServer, tmp_path: Path) -> None:
    server.script = [say(), say(" "), say("hello")]
    async with served(tmp_path, server) as service:
        answer = await ask(service)
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert len(server.chats) == 3


async def test_the_timeout_bounds_silence_and_not_length(server: ModelServer) -> None:
    server.script = [say(*"abcdefgh", pause=0.1), hang("a"), hang()]
    async with chatting(server, timeout=0.4) as model:
        assert (await model.ainvoke(HI)).text == "abcdefgh"
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(ServerUnreachableError, match=r"sent nothing for 0\.4 seconds"):
                await model.ainvoke(HI)
            assert time.monotonic() - began < 2
    assert len(server.chats) == 3


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("pieces", [(), ("he",)])
async def test_leaving_closes_the_connection_to_the_server(
    server: ModelServer, tmp_path: Path, stream: bool, pieces: tuple[str, ...]
) -> None:
    server.script = [hang(*pieces)]
    async with served(tmp_path, server) as service:
        asking = asyncio.create_task(ask(service, stream=stream))
        await until(lambda: server.open == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: server.open == 0, seconds=0.5)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, for tests of what comes after them."""
    monkeypatch.setattr(chat, "PAUSES", (0.01,) * len(chat.PAUSES))
    monkeypatch.setattr(server_pool, "CHECK_SECONDS_DOWN", 0.02)


@pytest.mark.usefixtures("hasty")
async def test_the_service_starts_without_its_server_and_recovers(server: ModelServer, tmp_path: Path) -> None:
    await server.stop()
    async with served(tmp_path, server) as service:
        health = (await service.http.get("/health")).json()
        assert (health["status"], health[f"{server.kind}_connection"]) == ("degraded", "disconnected")
        refused = await ask(service)
        assert refused.status_code == 503
        assert f"{server.kind.upper()}_" in refused.json()["error"]["message"]
        await server.start()
        async with asyncio.timeout(5):
            while (await service.http.get("/health")).json()["status"] != "ok":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await ask(service)).json()["choices"][0]["message"]["content"] == "hello"
        listed = [model["id"] for model in (await service.http.get("/v1/models")).json()["data"]]
        assert {"tiny", "other:latest", "chat"} <= set(listed)


async def test_a_request_waits_for_a_server_that_comes_back(server: ModelServer) -> None:
    async with chatting(server) as model:
        await server.stop()
        waiting = asyncio.create_task(model.ainvoke(HI))
        await until(lambda: not model.upstream.connected)
        await server.start()
        assert (await waiting).text == "hello"


async def test_a_request_names_its_model(server: ModelServer, tmp_path: Path) -> None:
    async with served(tmp_path, server) as service:
        assert (await ask(service, model="other:latest")).status_code == 200
        assert (await ask(service)).status_code == 200
        assert (await ask(service, model="nobody", agent_type=None)).status_code == 404
    assert [body["model"] for body in server.chats] == ["other:latest", "tiny"]


async def test_a_choice_is_held_to_its_words(server: ModelServer) -> None:
    server.script = [say('{"choice"', ': "web"}'), say("web")]
    async with chatting(server) as model:
        assert (await model.ainvoke(HI, choices=["web", "files"])).text == "web"
        assert (await model.ainvoke(HI, choices=["web", "files"])).text == "web"
    body = server.chats[0]
    form = body["format"] if server.kind == "ollama" else body["response_format"]["json_schema"]["schema"]
    assert form["properties"]["choice"]["enum"] == ["web", "files"]


async def test_tools_are_offered_and_called(server: ModelServer) -> None:
    async def call(reply: Any) -> None:
        await reply.begin()
        arguments: Any = {"a": 1}
        if reply.kind == "openai":
            arguments = '{"a": 1}'
        function = {"name": "add", "arguments": arguments}
        await reply.delta(tool_calls=[{"index": 0, "id": "t1", "type": "function", "function": function}])
        await reply.end()

    server.script = [call]
    async with chatting(server) as model:
        await model.ready()
        assert model.native_tools
        said = await model.bind_tools(TOOLS).ainvoke(HI)
    assert [(made["name"], made["args"]) for made in said.tool_calls] == [("add", {"a": 1})]
    assert server.chats[0]["tools"][0]["function"]["name"] == "add"


async def test_a_call_that_the_model_wrote_into_its_text_is_a_call(server: ModelServer) -> None:
    server.script = [say('```json\n{"na', 'me": "add", "argu', 'ments": {"a": 1}}\n```'), say("not ", "a call")]
    async with chatting(server) as model:
        said = await model.bind_tools(TOOLS).ainvoke(HI)
        assert [(made["name"], made["args"]) for made in said.tool_calls] == [("add", {"a": 1})]
        assert said.response_metadata["finish_reason"] == "tool_calls"
        words = await model.bind_tools(TOOLS).ainvoke(HI)
        assert (words.text, words.tool_calls) == ("not a call", [])


async def test_a_malformed_tool_call_of_openai_is_kept_for_mending(vllm: ModelServer) -> None:
    async def call(reply: Any) -> None:
        await reply.begin()
        function = {"name": "add", "arguments": '{"a": 1'}
        await reply.delta(tool_calls=[{"index": 0, "id": "t1", "type": "function", "function": function}])
        await reply.end()

    vllm.script = [call]
    async with chatting(vllm) as model:
        said = await model.bind_tools(TOOLS).ainvoke(HI)
    calls = [*said.invalid_tool_calls, *said.tool_calls]
    assert [call["name"] for call in calls] == ["add"]


async def test_a_tool_call_that_the_server_cannot_read_is_told_apart(server: ModelServer) -> None:
    server.script = [fail(500, """error parsing tool call: raw='{"a": 1', err=unexpected end of JSON input""")]
    async with chatting(server) as model:
        with pytest.raises(MalformedCallError) as raised:
            await model.bind_tools(TOOLS).ainvoke(HI)
    assert raised.value.raw == '{"a": 1'
    assert len(server.chats) == 1, "the same question would be answered in the same way"


async def test_a_busy_server_is_waited_for_as_long_as_it_asks(server: ModelServer) -> None:
    server.script = [fail(429, "slow down", retry_after="1"), say("hello"), fail(429, "slow down", retry_after="60")]
    async with chatting(server) as model:
        began = time.monotonic()
        assert (await model.ainvoke(HI)).text == "hello"
        assert time.monotonic() - began >= 0.9
        with pytest.raises(ModelError, match=r"busy: .*slow down.* 60 seconds|busy: .*slow down.* 59 seconds"):
            await model.ainvoke(HI)
    assert len(server.chats) == 3


async def test_a_busy_server_s_requests_go_to_the_other() -> None:
    async with model_server("openai") as one, model_server("openai") as two, chatting(one, two) as model:
        one.script = [fail(429, "slow down", retry_after="60")]
        for _ in range(4):
            assert (await model.ainvoke(HI)).text == "hello"
        assert model.upstream.well == 2, "busy is not broken"
    assert (len(one.chats), len(two.chats)) == (1, 4)


async def test_a_certificate_that_is_not_trusted_is_told_and_not_asked_again(
    server: ModelServer, tmp_path: Path
) -> None:
    await server.start_tls(tmp_path)
    async with chatting(server) as model:
        began = time.monotonic()
        with pytest.raises(ServerUnreachableError, match=f"certificate is not trusted.*{server.kind.upper()}_"):
            await model.ainvoke(HI)
        assert time.monotonic() - began < 2
    assert not server.chats


async def test_http_where_tls_was_meant_is_told(server: ModelServer) -> None:
    server.scheme = "https"
    async with chatting(server) as model:
        with pytest.raises(ServerUnreachableError, match="TLS handshake"):
            await model.ainvoke(HI)


async def test_a_line_without_end_is_given_up(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_pool, "MAX_LINE", 1 << 20)
    sent = 0

    async def flood(reply: Any) -> None:
        nonlocal sent
        await reply.begin()
        await reply.text("he")
        await reply.raw(b"data: ")
        while True:
            await reply.raw(b"x" * 65536)
            sent += 65536

    server.script = [flood]
    async with chatting(server) as model:
        with pytest.raises(ServerUnreachableError):
            await model.ainvoke(HI)
        await until(lambda: server.open == 0)
    assert sent < 16 << 20


async def test_bytes_that_say_nothing_are_silence(server: ModelServer) -> None:
    async def ping(reply: Any) -> None:
        await reply.begin()
        await reply.text("he")
        while True:
            await reply.raw(b": ping\n\n" if reply.kind == "openai" else b" ")
            await asyncio.sleep(0.05)

    server.script = [ping]
    async with chatting(server, timeout=0.5) as model:
        with pytest.raises(ServerUnreachableError, match="sent nothing for"):
            await model.ainvoke(HI)
        await until(lambda: server.open == 0)


async def test_an_address_may_end_as_people_write_it(server: ModelServer) -> None:
    server.suffix = {"openai": "/", "ollama": "/v1"}[server.kind]
    async with chatting(server) as model:
        assert model.upstream.connected
        assert (await model.ainvoke(HI)).text == "hello"


async def test_a_wrong_address_is_told_apart_from_a_wrong_model(vllm: ModelServer) -> None:
    vllm.suffix = "/v2"
    async with chatting(vllm) as model:
        with pytest.raises(ModelMissingError, match="check that OPENAI_BASE_URL is complete"):
            await model.ainvoke(HI)


async def test_a_missing_model_is_named(server: ModelServer, tmp_path: Path) -> None:
    server.models = ["other:latest"]
    server.script = [fail(404, "model 'tiny' not found")]
    async with served(tmp_path, server) as service:
        answer = await ask(service)
    assert answer.status_code == 503
    message = answer.json()["error"]["message"]
    assert "Available models: other:latest" in message
    assert server.kind == "openai" or "ollama pull tiny" in message


# --- OpenAI-compatible ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "words", "wishes"),
    [
        ("stream_options", "Unrecognized request argument supplied: stream_options", {}),
        ("response_format", "This server does not support response_format", {"choices": ["a", "b"]}),
        ("temperature", "Unsupported value: 'temperature' does not support 0.0 with this model", {"temperature": 0.0}),
        ("max_tokens", "'max_tokens' is not supported with this model. Use 'max_completion_tokens'", {"max_tokens": 9}),
    ],
)
async def test_what_the_server_cannot_do_is_found_out_once(
    vllm: ModelServer, field: str, words: str, wishes: dict[str, Any]
) -> None:
    vllm.script = [refuse_when(field, words, say("a"))]
    async with chatting(vllm) as model:
        for _ in range(2):
            said = await model.ainvoke(HI, **wishes)
            assert said.text == "a"
            assert said.usage_metadata is not None, "estimated where the server tells none"
    assert [field in body for body in vllm.chats] == [True, False, False]


async def test_a_server_without_tools_is_remembered(vllm: ModelServer) -> None:
    vllm.script = [refuse_when("tools", '"auto" tool choice requires --enable-auto-tool-choice', say("a"))]
    async with chatting(vllm) as model:
        for _ in range(2):
            with pytest.raises(ToolsUnsupportedError):
                await model.bind_tools(TOOLS).ainvoke(HI)
        assert not model.native_tools
        assert model.other("another").native_tools
    assert len(vllm.chats) == 1


@pytest.mark.parametrize(
    ("words", "tokens", "window"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 5321 tokens (5000 in, 321 out).",
         5321, 4096),
        ("'max_tokens' is too large: 800. This model's maximum context length is 2048 tokens and your request has 1500 "
         "input tokens", 2300, 2048),
        ("request (5000 tokens) exceeds the available context size (1024 tokens), try increasing it", 5000, 1024),
    ],
)  # fmt: skip
async def test_a_prompt_that_is_too_long_says_by_how_much(
    vllm: ModelServer, words: str, tokens: int, window: int
) -> None:
    vllm.script = [fail(400, words)]
    async with chatting(vllm) as model:
        assert model.window == WINDOW or model.wanted == "tiny"
        with pytest.raises(PromptTooLongError) as raised:
            await model.ainvoke(HI)
    assert (raised.value.tokens >= tokens, raised.value.window) == (True, window)
    assert len(vllm.chats) == 1


async def test_the_key_travels_and_its_refusal_is_told(vllm: ModelServer) -> None:
    vllm.script = [fail(401, "bad key")]
    async with chatting(vllm, api_key="sk-1") as model:
        with pytest.raises(ModelError, match="OPENAI_API_KEY"):
            await model.ainvoke(HI)
    assert "authorization: bearer sk-1" in vllm.headers[0].lower()
    assert len(vllm.chats) == 1


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_a_key_that_a_server_repeats_stands_nowhere(
    vllm: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    vllm.script = [fail(status, "your key sk-secret-1 is not good", retry_after="60")]
    async with served(tmp_path, vllm, openai_api_key="sk-secret-1") as service:
        told = [(await ask(service)).text, (await service.http.get("/health")).text, repr(service.settings)]
    assert "sk-secret-1" in vllm.headers[0]
    assert not [text for text in (*told, caplog.text) if "sk-secret-1" in text]


async def test_when_one_of_two_servers_dies_the_other_answers(tmp_path: Path) -> None:
    async with model_server("openai") as one, model_server("openai") as two, served(tmp_path, one, two) as service:
        for _ in range(4):
            assert (await ask(service)).status_code == 200
        assert len(one.chats) == len(two.chats) == 2
        await one.stop()
        answers = await asyncio.gather(*(ask(service) for _ in range(6)))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert (await service.http.get("/health")).json()["openai_connection"] == "connected"


async def test_the_least_busy_server_is_asked(tmp_path: Path) -> None:
    async with model_server("openai") as one, model_server("openai") as two, chatting(one, two) as model:
        one.script = two.script = [hang("a"), say("b")]
        stuck = asyncio.create_task(model.ainvoke(HI))
        await until(lambda: one.open + two.open == 1)
        busy, idle = (one, two) if one.open else (two, one)
        idle.script = [say("b")]
        for _ in range(3):
            assert (await model.ainvoke(HI)).text == "b"
        assert (len(busy.chats), len(idle.chats)) == (1, 3)
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)


async def test_the_first_model_that_is_listed_answers_when_none_is_named(server: ModelServer) -> None:
    async with chatting(server, model="") as model:
        assert model.name_ == "tiny:latest"
        assert (await model.ainvoke(HI)).text == "hello"
    assert server.chats[0]["model"] == "tiny:latest"


async def test_the_service_drives_itself(vllm: ModelServer, tmp_path: Path) -> None:
    vllm.script = [say("hel", "lo", thought="I greet.")]
    async with served(tmp_path / "inner", vllm) as inner:
        given = settings_for(
            tmp_path / "outer", llm_backend="openai", openai_base_url=f"{inner.url}/v1", openai_model="chat"
        )
        models = await load_models(given.models)
        async with running(given, models.chat) as outer:
            answer = (await ask(outer)).json()
            assert answer["choices"][0]["message"]["content"] == "hello"
            assert answer["usage"]["total_tokens"] == 10
            assert (await outer.http.get("/health")).json()["status"] == "ok"


# --- Ollama -----------------------------------------------------------------------------------------------


async def test_ollama_is_told_the_window_and_the_wishes(ollama: ModelServer) -> None:
    async with chatting(ollama, keep_alive="1h", temperature=0.3) as model:
        await model.ainvoke(HI, stop=["x"], seed=4, max_tokens=9)
        await model.ready()
        assert model.window == 16384, "the model could do 32768"
    body = ollama.chats[0]
    options = {"num_ctx": 16384, "temperature": 0.3, "seed": 4, "num_predict": 9, "stop": ["x"]}
    assert body["options"] == options
    assert body["keep_alive"] == "1h"
    assert body.get("think") is None, "it has no such capability"


@pytest.mark.parametrize(
    ("modelfile", "wished", "window"),
    [("", 0, 16384), ("num_ctx 4096", 0, 4096), ("num_ctx 4096", 8000, 8000), ("", 99_999, 32768)],
)
async def test_ollama_s_window_is_one_that_the_model_can_do(
    ollama: ModelServer, modelfile: str, wished: int, window: int
) -> None:
    ollama.parameters = f"stop  x\n{modelfile}\n"
    async with chatting(ollama, num_ctx=wished) as model:
        await model.ainvoke(HI)
        assert model.window == window
    assert ollama.chats[0]["options"]["num_ctx"] == window


@pytest.mark.parametrize(("think", "sent"), [("", True), ("false", False), ("high", "high")])
async def test_ollama_thinks_as_wished(ollama: ModelServer, think: str, sent: object) -> None:
    ollama.capabilities = ["completion", "thinking"]
    async with chatting(ollama, think=think, num_ctx=5000) as model:
        await model.ainvoke(HI)
        await model.ainvoke(HI, choices=["a", "b"])
        await model.ready()
        assert not model.native_tools
        assert model.window == 5000
    assert [body["think"] for body in ollama.chats] == [sent, False]


async def test_ollama_warns_of_a_prompt_that_may_not_fit(ollama: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    async with chatting(ollama, num_ctx=1000) as model:
        await model.ainvoke([HumanMessage("four " * 800)])
        assert "OLLAMA_NUM_CTX" in caplog.text
        with pytest.raises(PromptTooLongError, match="OLLAMA_NUM_CTX"):
            await model.ainvoke([HumanMessage("four " * 5000)])
    assert len(ollama.chats) == 1


async def test_images_are_shown_in_the_protocol_s_shape(server: ModelServer) -> None:
    block = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    async with chatting(server) as model:
        await model.ainvoke([HumanMessage(content=[{"type": "text", "text": "what?"}, block])])
    (message,) = server.chats[0]["messages"]
    if server.kind == "ollama":
        assert (message["images"], message["content"].strip()) == (["aGk="], "what?")
    else:
        text, image = message["content"]
        assert (text["text"], image["image_url"]["url"]) == ("what?", "data:image/png;base64,aGk=")


async def test_ollama_pulls_a_missing_model_when_it_may(ollama: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ollama_pull.__name__)
    ollama.models = []
    async with chatting(ollama, pull=False) as model:
        with pytest.raises(ModelMissingError, match="ollama pull tiny"):
            await model.ainvoke(HI)
    ollama.pulls = [b'{"status": "pulling x", "total": 10, "completed": 5}\n', b'{"status": "success"}\n']
    async with chatting(ollama, pull=True) as model:
        replies = await asyncio.gather(*(model.ainvoke(HI) for _ in range(3)))
    assert {reply.text for reply in replies} == {"hello"}
    assert [path for path, _ in ollama.others].count("/api/pull") == 1
    assert "50 %" in caplog.text


async def test_a_pull_that_fails_says_why(ollama: ModelServer) -> None:
    ollama.models, ollama.pulls = [], [b'{"error": "pull model manifest: file does not exist"}\n']
    models = await load_models(settings(ollama, pull=True))
    assert isinstance(models.chat, ServedChat)
    with pytest.raises(ModelError, match="file does not exist"):
        await models.chat.ainvoke(HI)
    await models.chat.upstream.aclose()


# --- Choosing ---------------------------------------------------------------------------------------------


async def test_backends_are_mixed_and_connections_shared(vllm: ModelServer, ollama: ModelServer) -> None:
    chosen = ModelSettings(
        llm_backend="openai",
        vision_backend="ollama",
        openai=OpenAISettings(base_url=(vllm.url,), model="tiny", coder_model="coder"),
        ollama=OllamaSettings(host=ollama.url, vision_model="other"),
    )
    models = await load_models(chosen)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(opened(models.all))
        assert models.vision is not None
        for model in models.all:
            assert (await model.ainvoke(HI)).text == "hello"
        assert isinstance(models.coder, ServedChat)
        assert isinstance(models.chat, ServedChat)
        assert models.coder.upstream is models.chat.upstream
    assert [body["model"] for body in vllm.chats] == ["tiny", "coder"]
    assert [body["model"] for body in ollama.chats] == ["other"]

"""The agent with models on servers: its requests, and how it handles the replies."""

from pathlib import Path
from typing import Any

import pytest

from tests.llm.model_server import Behave, ModelServer, Reply, say
from tests.llm.served_models import TOOLS, ask, served
from tests.serving import Service, python_step

SUM = "Compute the sum of the whole numbers from 1 to 8."
PROGRAM = "```python\nprint(sum(range(9)))\n```"


def temperatures(server: ModelServer) -> list[Any]:
    """Of each request so far."""
    return [body.get("options", body).get("temperature") for body in server.chats]


async def compute(service: Service, **more: Any) -> Any:
    messages = [{"role": "user", "content": SUM}]
    return (await ask(service, messages=messages, agent_type="react", **more)).json()


async def call(service: Service, tool: str, **given: Any) -> Any:
    return (await service.http.post(f"/api/tools/{tool}", json={"input": given})).json()


async def test_an_agent_is_steady_where_nobody_names_a_temperature(server: ModelServer, tmp_path: Path) -> None:
    server.script = [
        say("hello"),
        say(python_step("print(sum(range(9)))")),
        say("Final Answer: It is 36."),
        say(PROGRAM),
    ]
    async with served(tmp_path, server, tool_protocol="text") as service:
        await ask(service)
        assert (await compute(service))["choices"][0]["message"]["content"] == "It is 36."
        assert (await call(service, "python_coder", task=SUM))["output"] == "36"
    talk, *agent = temperatures(server)
    assert talk is None, "the server's own"
    assert len(agent) >= 3
    assert set(agent) == {0.0}


async def test_programs_are_written_by_the_coder_s_own_model(server: ModelServer, tmp_path: Path) -> None:
    server.script = [say(PROGRAM)]
    async with served(tmp_path, server, **{f"{server.kind}_coder_model": "other"}) as service:
        assert (await call(service, "python_coder", task=SUM))["output"] == "36"
    (body,) = server.chats
    assert body["model"] == "other"
    if server.kind == "ollama":
        assert [asked["model"] for path, asked in server.others if path == "/api/show"].count("other") == 1
        assert body["options"]["num_ctx"] == 16384, "as the model's own entry says"


async def test_without_a_coder_programs_are_written_by_the_model_that_was_chosen(
    server: ModelServer, tmp_path: Path
) -> None:
    server.script = [say(PROGRAM)]
    async with served(tmp_path, server, tool_protocol="text") as service:
        chosen = await service.http.put("/api/auth/me/model", json={"model": "other:latest"})
        assert chosen.status_code == 200, chosen.text
        assert (await call(service, "python_coder", task=SUM))["output"] == "36"
        server.script = [say(python_step("print(sum(range(9)))")), say("Final Answer: 36")]
        await compute(service)
        await service.http.post("/api/admin/model", json={"model": "other:latest"})
        await service.http.put("/api/auth/me/model", json={"model": None})
        server.script = [say(python_step("print(sum(range(9)))")), say("Final Answer: 36")]
        await compute(service)
    assert {body["model"] for body in server.chats} == {"other:latest"}


async def test_a_coder_s_model_that_is_missing_is_told_by_its_tool(ollama: ModelServer, tmp_path: Path) -> None:
    async with served(tmp_path, ollama, ollama_coder_model="magic") as service:
        assert "ollama pull magic" in (await call(service, "python_coder", task=SUM))["error"]


def unreadable(raw: str, *words: str) -> Behave:
    """The server cannot parse its model's call: an error at once, or during the reply."""

    async def behave(reply: Reply) -> None:
        error = f"error parsing tool call: raw='{raw}', err=invalid character"
        if not words:
            await reply.error(500, error)
            return
        await reply.begin()
        for piece in words:
            await reply.text(piece)
        await reply.error_within(error)

    return behave


@pytest.mark.parametrize("words", [(), ("I add ", "them up.")])
async def test_a_call_that_the_server_cannot_read_is_mended(
    server: ModelServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    server.script = [unreadable('{"code": "print(sum(range(9)))"}]', *words), say("It is 36.")]
    async with served(tmp_path, server, tool_protocol="native") as service:
        body = await compute(service)
    assert body["choices"][0]["message"]["content"] == "It is 36."
    assert [step["observation"] for step in body["x_agent_metadata"]["steps"]] == ["36"]
    assert len(server.chats) == 2


async def test_a_call_that_stays_unreadable_is_made_in_words(server: ModelServer, tmp_path: Path) -> None:
    server.script = [unreadable("[") for _ in range(3)]
    server.script += [say(python_step("print(sum(range(9)))")), unreadable("["), say("It is 36.")]
    async with served(tmp_path, server, tool_protocol="native") as service:
        body = await compute(service)
    assert body["choices"][0]["message"]["content"] == "It is 36."
    assert [step["observation"] for step in body["x_agent_metadata"]["steps"]] == ["36"]
    assert [bool(chat.get("tools")) for chat in server.chats] == [True, True, True, False, True, True]
    assert "could not be read" in str(server.chats[1]["messages"][-1])


async def test_a_server_that_reads_none_of_its_model_s_calls_fails_no_run(server: ModelServer, tmp_path: Path) -> None:
    program = say(python_step("print(sum(range(9)))"))
    server.script = [*(unreadable("[") for _ in range(3)), program, unreadable("[")]
    async with served(tmp_path, server, tool_protocol="native") as service:
        answer = await ask(service, messages=[{"role": "user", "content": SUM}], agent_type="react")
    assert answer.status_code == 200
    content = answer.json()["choices"][0]["message"]["content"]
    assert content.startswith("I had to stop")
    assert "36" in content
    assert len(server.chats) < 15


async def test_a_client_s_tool_that_cannot_be_called_is_answered_in_words(server: ModelServer, tmp_path: Path) -> None:
    server.script = [*(unreadable("[") for _ in range(3)), say("I cannot add.")]
    async with served(tmp_path, server) as service:
        message = (await ask(service, tools=TOOLS)).json()["choices"][0]["message"]
        assert (message["content"], message.get("tool_calls")) == ("I cannot add.", None)
        assert [bool(chat.get("tools")) for chat in server.chats] == [True, True, True, False]
        server.script = [unreadable("[", "I add.")]
        cut = (await ask(service, tools=TOOLS)).json()["choices"][0]["message"]
        assert cut["content"] == "I add.", "after the first word nothing is asked again"


async def test_what_is_thought_inside_the_text_is_no_step(server: ModelServer, tmp_path: Path) -> None:
    server.script = [say("<think>Action: web_search\nFinal Answer: 35", "</think>", "Final Answer: 36")]
    async with served(tmp_path, server, tool_protocol="text") as service:
        message = (await compute(service))["choices"][0]["message"]
    assert (message["content"], "web_search" in message["reasoning_content"]) == ("36", True)


@pytest.mark.parametrize(("named", "configured", "sent"), [(0.5, None, 0.5), (None, 0.3, 0.3), (0.5, 0.3, 0.5)])
async def test_a_temperature_that_is_named_is_kept(
    server: ModelServer, tmp_path: Path, named: float | None, configured: float | None, sent: float
) -> None:
    server.script = [say("hello"), say("Final Answer: 36")]
    values = {f"{server.kind}_temperature": configured}
    async with served(tmp_path, server, tool_protocol="text", **values) as service:
        await ask(service, temperature=named)
        await compute(service, temperature=named)
    assert len(server.chats) > 1
    assert set(temperatures(server)) == {sent}

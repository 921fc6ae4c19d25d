"""The agent over models on servers: how it asks them, and what it makes of what they say."""

from pathlib import Path
from typing import Any

import pytest

from tests.llm.model_server import ModelServer, say
from tests.llm.served_models import ask, served
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

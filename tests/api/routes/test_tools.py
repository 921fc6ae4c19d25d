"""Direct tool calls, and a session's variables."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step, until
from tools import TOOLS

pytestmark = pytest.mark.one_service

Start = Callable[..., AbstractAsyncContextManager[Service]]


async def call(service: Service, code: str, **extra: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/python_coder", json={"input": {"code": code}, **extra})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_tool_is_listed_and_called(service: Service) -> None:
    tools = {tool["name"]: tool for tool in (await service.http.get("/api/tools")).json()["tools"]}
    assert set(tools) == set(TOOLS)
    assert list(tools["python_coder"]["input_schema"]["properties"]) == ["code", "task", "files"]
    first = await call(service, "x = 20\nprint('hello')\nx + 1")
    assert (first["output"], first["error"]) == ("hello\n21", None)
    second = await call(service, "open('a.txt', 'w').write(str(x))", session_id=first["session_id"])
    assert [a["filename"] for a in second["artifacts"]] == ["a.txt"]
    assert (await service.http.get(second["artifacts"][0]["url"])).text == "20"


async def test_what_the_tool_says_went_wrong_is_told(service: Service) -> None:
    body = await call(service, "1 / 0")
    assert body["error"] == "Line 1: 1 / 0\nZeroDivisionError: division by zero"
    refused = await call(service, "import requests")
    assert "there is no network" in refused["error"]


async def test_wrong_calls_are_named(service: Service) -> None:
    url = "/api/tools/python_coder"
    for body, status, param in [
        ({"input": {}}, 400, "input"),
        ({"input": {"code": 7}}, 400, "input.code"),
        ({}, 400, "input"),
        ({"input": {"code": "1"}, "session_id": "../x"}, 400, "session_id"),
        ({"input": {"code": "1"}, "session_id": "unknown"}, 404, "session_id"),
    ]:
        answer = await service.http.post(url, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert (await service.http.post("/api/tools/none", json={"input": {}})).status_code == 404


async def test_variables_are_listed_also_after_a_restart(start: Start) -> None:
    async with start() as service:
        session = (await call(service, "x = [1, 2, 3]\ng = (n for n in x)"))["session_id"]
        path = f"/api/conversations/{session}/variables"
        live = (await service.http.get(path)).json()["variables"]
        assert [(v["name"], v["type"], v["shape"]) for v in live] == [("x", "list", "3"), ("g", "generator", "")]
        assert (await service.http.get("/api/conversations/unknown/variables")).status_code == 404
    async with start() as service:
        kept = (await service.http.get(path)).json()["variables"]
        assert [(v["name"], v["kept"]) for v in kept] == [("x", True), ("g", False)]
        assert "generator" in kept[1]["reason"]
        assert (await call(service, "sum(x)", session_id=session))["output"].endswith("6")


async def test_output_streams_while_the_program_runs(service: Service, model: ScriptedChat) -> None:
    """The second line is printed only after the client has seen the first."""
    code = (
        "import os, time\nprint('first', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('second')"
    )
    model.replies = [python_step(code), "Final Answer: done"]
    heard = ""
    body = {"messages": [{"role": "user", "content": "?"}], "agent_type": "react", "stream": True}
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        folder = service.settings.data_dir / "sessions" / answer.headers["x-session-id"]
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            heard += json.loads(line.removeprefix("data: ")).get("x_agent_output", "")
            if heard == "first\n":
                (folder / "go").touch()
    assert heard == "first\nsecond\n"


async def test_a_program_that_says_nothing_is_no_error(service: Service) -> None:
    body = await call(service, "x = 5")
    assert (body["output"], body["error"]) == ("", None)
    told = await call(service, "import sys; print('careful', file=sys.stderr)")
    assert (told["output"], told["error"]) == ("careful", None)


async def test_regression_a_client_that_left_a_tool_held_the_session(service: Service) -> None:
    session = (await call(service, "1"))["session_id"]
    code = "open('began', 'w').close()\nimport time; time.sleep(60)"
    body = {"input": {"code": code}, "session_id": session}
    request = asyncio.create_task(service.http.post("/api/tools/python_coder", json=body))
    began = service.settings.data_dir / "sessions" / session / "began"
    await until(began.exists)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await until(lambda: not service.server._locks._active)
    assert (await call(service, "2", session_id=session))["output"] == "2"

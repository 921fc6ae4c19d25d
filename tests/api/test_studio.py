"""The graphs in the real `langgraph dev`, used as Studio does, with our model server."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from graph import MODES
from tests.llm.model_server import ModelServer, hang, say
from tests.serving import python_step, until

ROOT = Path(__file__).parents[2]
START_SECONDS = 90


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True)
class Dev:
    """A running `langgraph dev`."""

    url: str
    model_port: int
    data: Path
    """The folder of the sessions."""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """Started once. Its model server is a port on which each test listens."""
    folder = tmp_path_factory.mktemp("studio")
    port, model_port = free_port(), free_port()
    settings = {
        "LLM_BACKEND": "openai",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
        "OPENAI_MODEL": "tiny",
        "DATA_DIR": str(folder / "data"),
        "PYTHON_CODE_PRELOAD_LIBRARIES": "",
        "LANGSMITH_TRACING": "false",
        "TOOL_PROTOCOL": "text",
    }
    options = ["--no-browser", "--no-reload", "--n-jobs-per-worker", "4", "--port", str(port)]
    command = [sys.executable, "-m", "langgraph_cli", "dev", *options, "--config", str(ROOT / "langgraph.json")]
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=out, stderr=out)
    try:
        client = httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=START_SECONDS)
        with client:
            assert client.get(f"{url}/ok").json()["ok"], log.read_text()
        yield Dev(url, model_port, folder / "data" / "studio")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert "Blocking call" not in log.read_text(), log.read_text()


@pytest.fixture
async def server(dev: Dev) -> AsyncIterator[ModelServer]:
    server = ModelServer("openai")
    server.port = dev.model_port
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def studio(dev: Dev) -> AsyncIterator[LangGraphClient]:
    client = get_client(url=dev.url)
    yield client
    await client.aclose()


def ask(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def told(values: Any) -> list[str]:
    return [message["content"] for message in values["messages"]]


async def step_history(studio: LangGraphClient, thread: str, mode: str) -> list[Any]:
    """The checkpoints of the mode's own steps, newest first."""
    of_the_mode: Any = {"checkpoint_ns": mode}
    return await studio.threads.get_history(thread, limit=50, checkpoint=of_the_mode)


async def test_all_modes_are_listed_with_readable_schemas(studio: LangGraphClient) -> None:
    assistants = await studio.assistants.search()
    assert {assistant["graph_id"] for assistant in assistants} == set(MODES)
    for assistant in assistants:
        schemas: Any = await studio.assistants.get_schemas(assistant["assistant_id"])
        assert {"messages", "steps", "plan"} <= set(schemas["state_schema"]["properties"])
        assert "messages" in schemas["input_schema"]["properties"]
        context = schemas["context_schema"]["properties"]
        assert context["limits"]["default"]["max_iterations"] == 6
        assert "model" not in context, "what is live is nothing to fill in"
        drawn = await studio.assistants.get_graph(assistant["assistant_id"])
        assert "route" in {node["id"] for node in drawn["nodes"]}


@pytest.mark.parametrize("mode", list(MODES))
async def test_every_mode_answers_by_steps_and_tokens(studio: LangGraphClient, server: ModelServer, mode: str) -> None:
    server.script = [say("Final Answer:", " good", " day")]
    thread = (await studio.threads.create())["thread_id"]
    seen: dict[str, list[Any]] = {}
    stream = studio.runs.stream(
        thread, mode, input=ask("hi"), stream_mode=["updates", "messages-tuple"], stream_subgraphs=True
    )
    async for part in stream:
        seen.setdefault(part.event.partition("|")[0], []).append(part.data)
    assert "record" in {name for update in seen["updates"] for name in update}
    assert len([piece for piece in seen["messages"] if piece[0]["content"]]) >= 2
    state = await studio.threads.get_state(thread)
    assert told(state["values"])[-1].endswith("good day")
    assert state["next"] == []


async def test_a_thread_remembers_and_forks(studio: LangGraphClient, server: ModelServer) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step("x = 41\nprint(x)")), say("Final Answer: 41")]
    first: Any = await studio.runs.wait(thread, "react", input=ask("Set x to 41 with Python"))
    assert first["answer"] is None
    assert told(first) == ["Set x to 41 with Python", "41"]
    after_first: Any = await studio.threads.get_state(thread)
    assert [step["observation"].strip() for step in after_first["values"]["steps"]] == ["41"]

    server.script = [say(python_step("x += 1\nprint(x)")), say("Final Answer: 42")]
    second: Any = await studio.runs.wait(thread, "react", input=ask("Add one with Python"))
    assert told(second) == ["Set x to 41 with Python", "41", "Add one with Python", "42"]
    history = await studio.threads.get_history(thread, limit=50)
    assert {"route", "react", "record"} <= {name for state in history for name in state["next"]}
    steps = await step_history(studio, thread, "react")
    assert [state["next"] for state in reversed(steps)] == 2 * [
        *(["__start__"], ["thought"], ["tool_call"], ["observe"], ["thought"], ["synthesize"]),
        [],
    ]

    server.script = [say("Final Answer: another way")]
    forked: Any = await studio.runs.wait(
        thread, "react", input=ask("Something else"), checkpoint=after_first["checkpoint"]
    )
    assert told(forked) == ["Set x to 41 with Python", "41", "Something else", "another way"]


async def test_a_thread_is_forked_at_a_step(studio: LangGraphClient, server: ModelServer) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step("print(6 * 7)")), say("Final Answer: 42")]
    await studio.runs.wait(thread, "react", input=ask("Compute 6 * 7"))
    steps = await step_history(studio, thread, "react")
    (before_tool_call,) = [state for state in steps if state["next"] == ["tool_call"]]
    server.script = [say("Final Answer: forty-two")]
    forked: Any = await studio.runs.wait(thread, "react", input=None, checkpoint=before_tool_call["checkpoint"])
    assert [step["observation"].strip() for step in forked["steps"]] == ["42"]
    assert told(forked) == ["Compute 6 * 7", "forty-two"]


@pytest.mark.parametrize("mode", ["auto", "react"])
@pytest.mark.parametrize(
    ("where", "then"),
    [({"interrupt_before": ["tool_call"]}, "tool_call"), ({"interrupt_after": ["observe"]}, "thought")],
)
async def test_a_run_is_interrupted_and_resumed_by_its_thread(
    studio: LangGraphClient, server: ModelServer, mode: str, where: dict[str, Any], then: str
) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step("print(6 * 7)")), say("Final Answer: 42")]
    await studio.runs.wait(thread, mode, input=ask("Compute 6 * 7"), **where)
    state: Any = await studio.threads.get_state(thread, subgraphs=True)
    assert state["next"] == ["react"]
    (task,) = state["tasks"]
    assert task["state"]["next"] == [then]
    done = task["state"]["values"]["steps"] or [task["state"]["values"]["action"]]
    assert ["6 * 7" in one["input"] for one in done] == [True]
    resumed: Any = await studio.runs.wait(thread, mode, input=None)
    assert told(resumed)[-1] == "42"


async def test_a_cancelled_run_lets_go_of_the_model_and_the_thread_goes_on(
    studio: LangGraphClient, server: ModelServer
) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [hang("Final Answer: a"), say("well again")]
    run = await studio.runs.create(thread, "chat", input=ask("hi"))
    await until(lambda: server.open == 1)
    await studio.runs.cancel(thread, run["run_id"], wait=True)
    await until(lambda: server.open == 0, seconds=0.5)
    again: Any = await studio.runs.wait(thread, "chat", input=ask("still there?"))
    assert told(again)[-1] == "well again"


async def test_the_context_s_limits_hold(studio: LangGraphClient, server: ModelServer) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step(f"print({n})")) for n in range(5)]
    await studio.runs.wait(thread, "react", input=ask("Count"), context={"limits": {"max_iterations": 2}})
    state: Any = await studio.threads.get_state(thread)
    assert len(state["values"]["steps"]) == 2


async def run_python(studio: LangGraphClient, server: ModelServer) -> str:
    """A thread with a file, variables and a running kernel."""
    thread: str = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step("open('notes.txt', 'w').write('mine')\nprint(41)")), say("Final Answer: 41")]
    await studio.runs.wait(thread, "react", input=ask("Write the notes with Python"))
    return thread


def traces(dev: Dev, thread: str) -> list[Path]:
    return [path for path in dev.data.rglob("*") if thread in path.name]


@pytest.mark.parametrize("way", ["delete", "prune"])
async def test_regression_a_deleted_thread_left_its_folder_and_snapshot(
    studio: LangGraphClient, server: ModelServer, dev: Dev, way: str
) -> None:
    deleted, other = await run_python(studio, server), await run_python(studio, server)
    places = {path.parent.name for path in traces(dev, deleted)}
    assert {"sessions", "snapshots"} <= places
    await (studio.threads.delete(deleted) if way == "delete" else studio.threads.prune([deleted]))
    assert traces(dev, deleted) == []
    assert (dev.data / "sessions" / other / "notes.txt").read_text() == "mine"
    assert {path.parent.name for path in traces(dev, other)} == places


NONSENSE: list[Any] = [
    {},
    {"messages": []},
    {"foo": 1},
    {"messages": 5},
    {"messages": [{"role": "user"}]},
    {"messages": [{"role": "user", "content": 5}]},
    {"messages": [{"role": "user", "content": ""}]},
    {"messages": [{"role": "robot", "content": "hi"}]},
    {"messages": [{"role": ["user"], "content": "hi"}]},
    {"messages": [{"role": "tool", "content": "hi"}]},
    {"messages": [{"role": "user", "content": "hi"}], "wanted_mode": "magic"},
    {"messages": "hi", "wanted_mode": ["chat"]},
    "hello",
    None,
]
WRONG_CONTEXT = {
    "sampling: must be an object": {"sampling": 5},
    "sampling.temperature: Input should be a valid number": {"sampling": {"temperature": "hot"}},
    "limits.steps: there is no such value": {"limits": {"steps": 3}},
}


async def error_of(studio: LangGraphClient, given: Any, context: Any = None) -> Any:
    thread = (await studio.threads.create())["thread_id"]
    answer: Any = await studio.runs.wait(thread, "auto", input=given, context=context, raise_error=False)
    return answer["__error__"]


async def test_input_without_a_question_is_an_error_that_says_so(studio: LangGraphClient) -> None:
    for error in await asyncio.gather(*(error_of(studio, given) for given in NONSENSE)):
        assert error["error"] == "RunInputError"
        assert error["message"].startswith(("messages: ", "wanted_mode: ", "The input ", "The thread ")), error


async def test_a_wrong_value_in_the_context_is_named(studio: LangGraphClient) -> None:
    errors = await asyncio.gather(*(error_of(studio, ask("hi"), given) for given in WRONG_CONTEXT.values()))
    for said, error in zip(WRONG_CONTEXT, errors, strict=True):
        assert error["message"].startswith(f"context.{said}"), error


async def test_a_run_streams_messages_updates_and_events(studio: LangGraphClient, server: ModelServer) -> None:
    thread = (await studio.threads.create())["thread_id"]
    server.script = [say(python_step("print(6 * 7)")), say("Final Answer: 42")]
    modes: Any = ["messages", "updates", "events"]
    seen: dict[str, list[Any]] = {}
    async for part in studio.runs.stream(thread, "auto", input=ask("Compute 6 * 7"), stream_mode=modes):
        seen.setdefault(part.event, []).append(part.data)
    assert seen["messages/complete"][-1][0]["content"] == "42"
    assert "record" in {name for update in seen["updates"] for name in update}
    assert {"on_chain_start", "on_chain_end"} <= {event["event"] for event in seen["events"]}
    assert "error" not in seen

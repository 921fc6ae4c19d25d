"""The chat route through the official SDK, on a real server with real kernels and a scripted model."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from openai import NotFoundError

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

CSV = b"region,revenue\nNorth,10\nSouth,32\nSouth,5\n"
USER = [{"role": "user", "content": "Which region has the highest total revenue?"}]
Start = Callable[..., AbstractAsyncContextManager[Service]]

ANALYSE = python_step(
    "import csv\nrows = list(csv.DictReader(open('sales.csv')))\n"
    "total = sum(int(r['revenue']) for r in rows if r['region'] == 'South')\nprint('South', total)"
)


async def ask(service: Service, text: str, **extra: object) -> dict[str, object]:
    answer = await service.http.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": text}], **extra}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


async def test_a_question_about_a_file_is_worked_out(service: Service, model: ScriptedChat) -> None:
    model.replies = [ANALYSE, "Final Answer: South, with 37."]
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps(USER), "agent_type": "react"},
        files={"files": ("sales.csv", CSV)},
    )
    body = answer.json()
    assert answer.status_code == 200, body
    message = body["choices"][0]["message"]
    assert message["content"] == "South, with 37."
    assert message["reasoning_content"] == message["reasoning"]
    assert "I compute it." in message["reasoning"]
    told = body["x_agent_metadata"]
    assert (told["agent_type"], told["iterations"], told["llm_calls"]) == ("react", 1, 2)
    assert told["tools_used"] == ["python_coder"]
    assert told["steps"][0]["observation"] == "South 37"
    assert told["steps"][0]["input"].startswith("import csv")
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"] > 0
    asked = str(model.asked[0][1].content)
    assert "sales.csv" in asked
    assert "columns: region (text: South/North), revenue (integer)" in asked
    assert answer.headers["x-session-id"] == body["x_session_id"]


async def test_a_stream_shows_thoughts_steps_and_the_answer(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print(6 * 7)"), "Final Answer: It is 42."]
    stream = await service.client.chat.completions.create(
        model="react",
        messages=[{"role": "user", "content": "6 * 7?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    thoughts, text, steps, finish, usage = "", [], [], [], None
    order = []
    async for chunk in stream:
        assert chunk.id.startswith("chatcmpl-")
        extra = chunk.model_extra or {}
        usage = chunk.usage or usage
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        assert delta.tool_calls is None
        assert delta.role in (None, "assistant")
        if reasoning := (delta.model_extra or {}).get("reasoning_content"):
            thoughts += reasoning
            order.append("thought")
        if delta.content:
            text.append(delta.content)
            order.append("answer")
        if "x_agent_step" in extra:
            steps.append(extra["x_agent_step"])
            order.append("step")
        finish.append(chunk.choices[0].finish_reason)
    assert "I compute it." in thoughts
    assert "".join(text) == "It is 42."
    assert len(text) > 1
    assert [step["observation"] for step in steps] == ["42"]
    assert list(dict.fromkeys(order)) == ["thought", "step", "answer"]
    assert [f for f in finish if f] == ["stop"]
    assert usage is not None
    assert usage.completion_tokens > 0


async def test_every_frame_is_a_whole_chunk(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello there"]
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "stream_options": {"include_usage": True}}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [line.removeprefix("data: ") for line in answer.text.split("\n") if line and not line.startswith("id: ")]
    assert frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all(isinstance(chunk["choices"], list) for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0


async def test_the_session_goes_on_with_its_variables(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("df = [1, 2, 3]\nprint(sum(df))"), "Final Answer: 6"]
    first = await ask(service, "sum?", agent_type="react")
    model.replies += [python_step("print(sum(df) / 3)"), "Final Answer: 2.0"]
    second = await ask(service, "and the average?", agent_type="react", session_id=first["x_session_id"])
    assert second["x_session_id"] == first["x_session_id"]
    steps = second["x_agent_metadata"]["steps"]  # type: ignore[index]
    assert steps[0]["observation"] == "2.0"
    told = str(model.asked[2][1].content)
    assert "- df (list) 3 items" in told
    assert "Question: sum?" in told
    assert "print(sum(df))" in told


async def test_the_conversation_goes_on_after_a_restart(start: Start, model: ScriptedChat) -> None:
    model.replies = ["Hello Ann.", "You are Ann."]
    async with start() as service:
        first = await ask(service, "I am Ann.")
    async with start() as service:
        second = await ask(service, "Who am I?", session_id=first["x_session_id"])
    assert second["choices"][0]["message"]["content"] == "You are Ann."  # type: ignore[index]
    assert [m.text for m in model.asked[1][1:]] == ["I am Ann.", "Hello Ann.", "Who am I?"]


async def test_with_a_session_only_what_is_new_counts(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two"]
    first = await ask(service, "a")
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "b"},
    ]
    headers = {"X-Session-ID": str(first["x_session_id"])}
    await service.http.post("/api/chat/completions", json={"messages": history}, headers=headers)
    assert [m.text for m in model.asked[1][1:]] == ["a", "one", "b"]


async def test_without_a_session_the_history_sent_counts(service: Service, model: ScriptedChat) -> None:
    model.replies = ["two"]
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "b"},
    ]
    answer = await service.http.post("/v1/chat/completions", json={"messages": history})
    assert answer.status_code == 200
    assert [m.text for m in model.asked[0]] == ["Be brief.", "a", "one", "b"]


async def test_auto_takes_react_when_there_are_files(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello", "Final Answer: none"]
    assert (await ask(service, "hi"))["x_agent_metadata"]["agent_type"] == "chat"  # type: ignore[index]
    answer = await service.http.post(
        "/v1/chat/completions", data={"messages": json.dumps(USER)}, files={"files": ("sales.csv", CSV)}
    )
    told = answer.json()["x_agent_metadata"]
    assert (told["agent_type"], told["route_reason"]) == ("react", "the session has files")


async def test_sampling_reaches_the_model(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one two three four"]
    answer = await service.client.chat.completions.create(
        model="chat",
        messages=[{"role": "user", "content": "count"}],
        temperature=0.5,
        top_p=0.9,
        seed=7,
        max_completion_tokens=2,
        stop=["nine"],
    )
    assert model.arguments[0] == {"temperature": 0.5, "top_p": 0.9, "seed": 7, "max_tokens": 2, "stop": ["nine"]}
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "one two"


async def test_a_look_up_that_cannot_be_done_is_said_and_nothing_is_computed_in_its_place(
    start: Start, model: ScriptedChat
) -> None:
    model.replies = ["Final Answer: The web cannot be reached."]
    async with start(tavily_api_key="tvly-x", tavily_base_url="http://127.0.0.1:1") as service:
        body = await ask(service, "Search the web for the height of Mount Foo", agent_type="react")
    steps = body["x_agent_metadata"]["steps"]  # type: ignore[index]
    assert [(step["tool"], step["error"]) for step in steps] == [("web_search", "ToolFailed")]
    assert "What was tried:" in str(model.asked[0][1].content)


async def test_a_limit_gives_the_best_answer_so_far(start: Start, model: ScriptedChat) -> None:
    model.replies = [python_step(f"print({n}); raise ValueError") for n in range(2)] + ["It may be 1."]
    async with start(react_max_iterations=2) as service:
        body = await ask(service, "?", agent_type="react")
    assert body["choices"][0]["message"]["content"] == "I had to stop before I was sure (2 steps). It may be 1."  # type: ignore[index]


async def test_plots_are_artifacts_that_can_be_fetched(service: Service, model: ScriptedChat) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('drawn')"
    model.replies = [python_step(code), "Final Answer: Here it is."]
    body = await ask(service, "plot", agent_type="react")
    artifact = body["x_agent_metadata"]["artifacts"][0]  # type: ignore[index]
    assert (artifact["filename"], artifact["mime"]) == ("figure-1.png", "image/png")
    image = await service.http.get(artifact["url"])
    assert image.content.startswith(b"\x89PNG")
    assert len(image.content) == artifact["bytes"]
    listed = await service.http.get(f"/api/conversations/{body['x_session_id']}/artifacts")
    assert [a["filename"] for a in listed.json()["artifacts"]] == ["figure-1.png"]


async def test_ten_clients_are_answered_and_none_mixed_up(service: Service, model: ScriptedChat) -> None:
    model.replies = [lambda messages: f"echo {messages[-1].text}"]
    model.repeat = True
    bodies = await asyncio.gather(*(ask(service, f"client {n}") for n in range(10)))
    texts = [body["choices"][0]["message"]["content"] for body in bodies]  # type: ignore[index]
    assert texts == [f"echo client {n}" for n in range(10)]
    assert len({body["x_session_id"] for body in bodies}) == 10


async def test_models_and_health(service: Service) -> None:
    models = await service.client.models.list()
    assert {"scripted", "auto", "chat", "react", "plan_execute"} == {m.id for m in models.data}
    assert (await service.client.models.retrieve("react")).id == "react"
    with pytest.raises(NotFoundError):
        await service.client.models.retrieve("gpt-9")
    health = (await service.http.get("/health")).json()
    assert health["status"] == "ok"
    assert health["backend"] == "llamacpp"
    assert set(health["sandbox"]) == {"level", "mechanisms", "missing"}
    assert health["sandbox"]["level"] in ("full", "namespaces", "landlock")

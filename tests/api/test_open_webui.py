"""Requests that Open WebUI 0.12 really sends with its default settings, recorded and shortened."""

from typing import Any

from llm.scripted import ScriptedChat
from tests.api.client import get, rows
from tests.api.test_coding_clients import recorded
from tests.serving import Service, python_step

QUESTION = "Draw a chart of the sales by month from sales.csv."
CHART = python_step("table = open('sales.csv').read().split()\nopen('by_month.csv', 'w').write('x')\nprint(len(table))")


async def send(service: Service, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer, without a stream."""
    body = request["body"] | {"stream": False} | more
    answer = await service.http.post(request["path"], json=body, headers=request["headers"])
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def answers(request: dict[str, Any]) -> list[str]:
    return [message["content"] for message in request["body"]["messages"] if message["role"] == "assistant"]


async def test_a_chat_with_a_file_is_one_session_although_only_passages_arrive(
    service: Service, model: ScriptedChat
) -> None:
    requests = recorded("open_webui")
    turns = [request for request in requests if request["body"]["stream"]]
    (answer,) = answers(turns[1])
    model.replies = [
        *(python_step("table = 'month region sales'.split(); print(table)"), f"Final Answer: {answer}"),
        *(python_step("print(len(table))"), "Final Answer: 3"),
    ]
    first, second = [await send(service, turn) for turn in turns]
    assert "<context>" in model.asked[0][-1].text, "the model gets the passages"
    (step,) = second["x_agent_metadata"]["steps"]
    assert (step["error"], step["observation"].strip()) == (None, "3")
    assert second["x_session_id"] == first["x_session_id"]
    (listed,) = (await get(service, "/api/conversations"))["sessions"]
    assert listed["title"] == QUESTION
    told = (await get(service, f"/api/chat/history/{first['x_session_id']}"))["messages"]
    assert [message["content"] for message in told[::2]] == [QUESTION, "What is the mean of the sales?"]


async def test_its_own_requests_leave_no_trace(service: Service, model: ScriptedChat) -> None:
    requests = [request for request in recorded("open_webui") if not request["body"]["stream"]]
    assert len(requests) == 6, "a title, tags, and twice search queries and follow-up questions"
    model.replies, model.repeat = ["{}"], True
    for request in requests:
        assert (await send(service, request))["x_session_id"] is None
    assert (await get(service, "/api/conversations"))["sessions"] == []
    for table in ("turns", "checkpoints", "sessions"):
        assert rows(service, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_the_filter_passes_the_file_and_the_chat_on(service: Service, model: ScriptedChat) -> None:
    chart, mean, again = recorded("open_webui_filter")
    (answer,) = answers(mean)
    text = answer.partition("\n\n![")[0]
    more = [python_step("print(len(table))"), "Final Answer: 13"]
    model.replies = [CHART, f"Final Answer: {text}", *more, *more, python_step("print(1)"), "Final Answer: 1"]
    first, second = await send(service, chart), await send(service, mean)
    assert second["x_session_id"] == first["x_session_id"]
    assert [step["observation"].strip() for step in second["x_agent_metadata"]["steps"]] == ["13"]
    forked = await send(service, again)
    assert forked["x_session_id"] != first["x_session_id"]
    assert any("- table (list) 13 items" in message.text for message in model.asked[4])
    assert rows(service, "SELECT external_id FROM sessions WHERE id = ?", forked["x_session_id"]) == [
        (chart["body"]["chat_id"],)
    ]
    (asked, _) = (await get(service, f"/api/chat/history/{first['x_session_id']}"))["messages"][:2]
    assert (asked["content"], asked["files"]) == (QUESTION, ["sales.csv"])

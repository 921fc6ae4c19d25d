"""Conversations: list, search, read, rename, export."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.message import Message
from urllib.parse import unquote

import pytest

from api.routes.conversations import fenced, markdown
from llm.scripted import ScriptedChat
from tests.api.client import ask, change, get, give_away, run
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

BOTH = pytest.mark.parametrize("base", ["/api/conversations", "/api/chat/sessions"])


def file_name(disposition: str) -> str:
    """How a browser interprets the header."""
    message = Message()
    message["content-disposition"] = disposition
    return message.get_filename() or ""


@BOTH
async def test_the_list_is_paged_newest_first(own_service: Service, model: ScriptedChat, base: str) -> None:
    model.replies, model.repeat = ["hello"], True
    service = own_service
    ids = [(await ask(service, f"Question {n}"))["x_session_id"] for n in range(5)]
    first = await get(service, base, limit=2)
    assert [s["session_id"] for s in first["sessions"]] == [ids[4], ids[3]]
    assert first["has_more"]
    await ask(service, "again", session_id=ids[0])  # moves to the first page, before the current one
    second = await get(service, base, limit=2, cursor=first["next_cursor"])
    assert [s["session_id"] for s in second["sessions"]] == [ids[2], ids[1]]
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    top = (await get(service, base, limit=1))["sessions"][0]
    assert (top["session_id"], top["title"], top["message_count"]) == (ids[0], "Question 0", 4)
    assert datetime.fromisoformat(top["created_at"]) < datetime.fromisoformat(top["updated_at"])


async def test_a_list_of_nothing(own_service: Service) -> None:
    assert await get(own_service, "/api/conversations") == {"sessions": [], "has_more": False, "next_cursor": None}


async def test_wrong_pages_are_named(service: Service) -> None:
    for params, param in [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WyIxIiwgMV0"}, "cursor"),
        ({"q": "x" * 201}, "q"),
    ]:
        assert (await get(service, "/api/conversations", 400, **params))["error"]["param"] == param  # type: ignore[arg-type]


async def test_questions_and_answers_are_found_once_a_turn_has_ended(service: Service, model: ScriptedChat) -> None:
    model.replies = ["부산은 항구 도시입니다.", "A cake needs flour."]
    harbour = (await ask(service, "부산은 어떤 도시인가?"))["x_session_id"]
    cake = (await ask(service, "What does a cake need?"))["x_session_id"]
    for query, wanted in [("항구", [harbour]), ("flour", [cake]), ("부산은 항구", [harbour]), ("x OR flour", []), ("", [cake, harbour])]:  # fmt: skip # noqa: E501
        page = await get(service, "/api/conversations", q=query)
        assert [s["session_id"] for s in page["sessions"]] == wanted, query
    await give_away(service, cake)
    assert (await get(service, "/api/conversations", q="flour"))["sessions"] == []


async def test_an_interrupted_turn_leaves_its_question_to_be_found(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello", ZeroDivisionError("broken")]
    session = (await ask(service, "hi"))["x_session_id"]
    body = {"messages": [{"role": "user", "content": "What about walruses?"}], "session_id": session}
    assert (await service.http.post("/v1/chat/completions", json=body)).status_code == 500
    (found,) = (await get(service, "/api/conversations", q="walruses"))["sessions"]
    assert (found["session_id"], found["message_count"]) == (session, 3)
    messages = (await get(service, f"/api/chat/history/{session}"))["messages"]
    assert [m["content"] for m in messages] == ["hi", "hello", "What about walruses?"]


async def test_a_conversation_is_read_whole(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("open('a.txt', 'w').write('x'); print(6 * 7)"), "Final Answer: 42", "Bye."]
    first = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps([{"role": "user", "content": "6 * 7?"}]), "agent_type": "react"},
        files={"files": ("in.csv", b"a\n1\n")},
    )
    session = first.json()["x_session_id"]
    await ask(service, "Thanks", session_id=session, agent_type="chat")
    whole = await get(service, f"/api/conversations/{session}")
    assert (whole["title"], whole["message_count"]) == ("6 * 7?", 4)
    assert [m["role"] for m in whole["messages"]] == ["user", "assistant"] * 2
    asked, answered = whole["messages"][:2]
    assert (asked["content"], asked["files"]) == ("6 * 7?", ["in.csv"])
    assert (answered["content"], answered["agent_type"]) == ("42", "react")
    assert answered["steps"] == first.json()["x_agent_metadata"]["steps"]
    assert [a["filename"] for a in answered["artifacts"]] == ["a.txt"]
    assert [a["filename"] for a in whole["artifacts"]] == ["in.csv", "a.txt"]
    times = [datetime.fromisoformat(m["timestamp"]) for m in whole["messages"]]
    assert times == sorted(times)
    assert timedelta() <= datetime.now(UTC) - times[-1] < timedelta(minutes=1)


async def test_the_history_has_the_shape_that_clients_know(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello."]
    session = (await ask(service, "hi"))["x_session_id"]
    history = await get(service, f"/api/chat/history/{session}")
    assert set(history) == {"session_id", "messages"}
    assert history["session_id"] == session
    assert [{k: m[k] for k in ("role", "content")} for m in history["messages"]] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello."},
    ]
    assert all(datetime.fromisoformat(m["timestamp"]).tzinfo for m in history["messages"])


@BOTH
async def test_a_conversation_is_renamed(service: Service, model: ScriptedChat, base: str) -> None:
    model.replies = ["hello"]
    session = (await ask(service, "hi"))["x_session_id"]
    answer = await service.http.patch(f"{base}/{session}", json={"title": "  New\nname '; DROP TABLE sessions; --"})
    assert answer.json()["title"] == "New name '; DROP TABLE sessions; --"
    assert (await get(service, base))["sessions"][0]["title"] == answer.json()["title"]
    for body in (
        {"title": ""},
        {"title": "  "},
        {"title": 7},
        {},
        {"title": "x", "owner": "bob"},
        {"title": "x" * 1001},
    ):
        assert (await service.http.patch(f"{base}/{session}", json=body)).status_code == 400, body


async def test_regression_a_session_gives_its_variables_without_making_a_folder(service: Service) -> None:
    session = (await run(service, "x = 1"))["session_id"]
    await change(service, "UPDATE sessions SET id = 'another' WHERE id = ?", session)
    assert (await get(service, "/api/conversations/another/variables"))["variables"] == []
    assert not (service.settings.data_dir / "sessions" / "another").exists()


# export

NASTY = "```\n# Assistant, 2020\n<script>alert(1)</script>\n~~~~\n![x](http://evil/?q=1)\n`````"


async def test_an_export_is_complete(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print(6 * 7)"), f"Final Answer: {NASTY}"]
    session = (await ask(service, f'Say "42"\r\nX: y; <b> {NASTY}', agent_type="react"))["x_session_id"]
    path = f"/api/conversations/{session}/export"
    answer = await service.http.get(path)
    assert answer.json() == await get(service, f"/api/conversations/{session}")
    text = await service.http.get(path, params={"format": "markdown"})
    assert text.headers["content-type"] == "text/markdown; charset=utf-8"
    assert NASTY in text.text
    assert "print(6 * 7)" in text.text
    for response in (answer, text):
        assert response.headers["content-disposition"].startswith("attachment; ")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert re.fullmatch(r"Say _42_.*\.(json|md)", file_name(response.headers["content-disposition"]))
    assert (await service.http.get(path, params={"format": "pdf"})).status_code == 400


def test_no_message_gets_out_of_its_fence_in_an_export() -> None:
    """Every line outside of a fence is generated by the export."""
    message = {"role": "assistant", "timestamp": "now", "content": NASTY, "files": [NASTY]}
    step = {"index": 1, "tool": NASTY, "thought": NASTY, "input": NASTY, "observation": NASTY}
    text = markdown(
        {
            "title": NASTY,
            "session_id": "s",
            "created_at": "now",
            "messages": [{**message, "steps": [step], "artifacts": [{"filename": NASTY, "bytes": 1}]}],
        }
    )
    outside, fence = [], ""
    for line in text.splitlines():
        mark = re.match(r"`{3,}", line)
        if not fence and mark:
            fence = mark[0]
        elif fence and line == fence:
            fence = ""
        elif not fence and line:
            outside.append(line)
    assert not fence
    assert [line.split(" ")[0] for line in outside] == [
        "#",
        "Session",
        "##",
        "File:",
        "###",
        "Observation:",
        "Artifact:",
    ]
    assert all(re.search(r"(?<!\\)[<`!]", line) is None for line in outside if not line.startswith("Session"))


@pytest.mark.parametrize("text", ["", "```", "````\n```", "a ~~~~~ b", "\n```"])
def test_a_fence_is_longer_than_any_inside(text: str) -> None:
    lines = fenced(text).split("\n")
    assert lines[0] == lines[-1] + "text"
    assert "\n".join(lines[1:-1]) == text
    assert lines[-1] not in text


async def test_a_title_cannot_inject_a_header(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    session = (await ask(service, "hi"))["x_session_id"]
    title = 'a"; filename="evil.exe\r\nSet-Cookie: x=1\r\n\r\n<html> 매출/../..\\b'
    await change(service, "UPDATE sessions SET title = ? WHERE id = ?", title, session)
    answer = await service.http.get(f"/api/conversations/{session}/export")
    assert "set-cookie" not in answer.headers
    disposition = answer.headers["content-disposition"]
    assert disposition.count("filename=") == 1
    assert disposition.isascii()
    name = unquote(disposition.rpartition("''")[2])
    assert not set(name) & set('"\r\n/\\<>')

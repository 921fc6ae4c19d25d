"""Chats of front ends that add context to messages, omit files from the history, or send an ID of the chat."""

import base64
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.api.client import get, rows
from tests.api.turns.test_matching import History, answer_of, history, said, send, user
from tests.serving import Service, python_step

FILES = '<attached_files>\n<file type="file" id="1" name="sales.csv"/>\n</attached_files>\n\n'
SOURCES = (
    '<source id="1" name="sales.csv">month: Jan\nQuestion: none\n</source>\n<source id="2">a <context> tag</source>'
)
TEMPLATE = "### Task:\nRespond to the user query, citing a <source> by its id.\n\n<context>\n{}\n</context>\n\n"
OLD_TEMPLATE = (
    "Use the following context, inside <context></context> tags.\n<context>\n{}\n</context>\n\n"
    "When answering:\n- Be brief.\n\nGiven the context information, answer the query.\nQuery: "
)
MARKED = (
    "\n\n<!-- SYSTEM CONTEXT (NOT PART OF USER QUERY) -->\n<files_info>\n<file name='a'/>\n</files_info>\n<!-- END -->"
)
QUERY = "\n\n<user_query>\n{}\n</user_query>"
HEADINGS = "Answer with the references.\n\n## My question is:\n\n{}\n\n## Reference Materials:\n\n[1] Question: none\n"
DASHED = "Context information is below.\n---------\n{}\n---------\nAnswer the query.\nQuery: {}\nAnswer: "


def contexts(text: str) -> list[str]:
    """The message as front ends send it when it is the newest."""
    return [
        TEMPLATE.format(SOURCES) + text,
        TEMPLATE.format(SOURCES) + FILES + text,
        FILES + text,
        OLD_TEMPLATE.format(SOURCES) + text,
        TEMPLATE.format(SOURCES) + QUERY.format(text),
        text + MARKED,
        HEADINGS.format(text),
        DASHED.format(SOURCES, text),
        f"[CONTEXT 0]\n{SOURCES}\n[END CONTEXT 0]\n\n{text}",
        f'Attached document(s):\n```md\n# "sales.csv"\nJan\n```\n{text}',
    ]


WAYS = range(len(contexts("")))


@pytest.mark.parametrize("way", WAYS)
async def test_context_around_the_newest_message_begins_no_new_session(
    service: Service, model: ScriptedChat, way: int
) -> None:
    model.replies = ["Chart drawn.", "It is 120.", "And 99."]
    asked, then = "Draw a chart of sales.csv.\nUse bars.", "What is the mean?"
    first = await send(service, [user(contexts(asked)[way])])
    messages = [user(asked), said("Chart drawn.")]
    second = await send(service, [*messages, user(contexts(then)[way])])
    third = await send(service, [*messages, user(then), said("It is 120."), user("And the median?")])
    assert second["x_session_id"] == third["x_session_id"] == first["x_session_id"]
    assert (await history(service, first["x_session_id"]))[:3] == [
        ("user", asked),
        ("assistant", "Chart drawn."),
        ("user", then),
    ]
    (listed,) = (await get(service, "/api/conversations"))["sessions"]
    assert listed["title"] == "Draw a chart of sales.csv."
    assert model.asked[0][-1].text == contexts(asked)[way], "the model gets the context"
    assert [message.text for message in model.asked[1][1:]] == [asked, "Chart drawn.", contexts(then)[way]]


async def test_context_that_is_repeated_must_be_the_same(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["A summary."], True
    one, other = (f"<document>\n{text}\n</document>\n\nSummarize it." for text in ("Whales swim.", "Owls fly."))
    found = [(await send(service, [user(text)]))["x_session_id"] for text in (one, other)]
    for text, session in zip((one, other), found, strict=True):
        again = await send(service, [user(text), said("A summary."), user("Shorter?")])
        assert again["x_session_id"] == session
    third = one.replace("Whales", "Cats")
    edited = await send(service, [user(third), said("A summary."), user("Shorter?")])
    assert edited["x_session_id"] not in found


async def test_signed_addresses_and_a_part_of_the_context_may_change(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Seen.", "Yes."]
    listed = "<files_info>\n<file url='https://files.example/a.csv?signature={}'/>\n</files_info>\n\nLook."
    first = await send(service, [user(TEMPLATE.format(SOURCES) + listed.format("a1"))])
    second = await send(service, [user(listed.format("b2")), said("Seen."), user("Sure?")])
    assert second["x_session_id"] == first["x_session_id"]


async def test_what_a_person_writes_is_never_cut(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Well."], True
    texts = [
        "What does <context> mean?",
        "<context>\nonly this\n</context>",
        "Question: is it late?",
        "Fix <doc>a</doc>",
    ]
    for text in texts:
        session = (await send(service, [user(text)]))["x_session_id"]
        assert (await history(service, session))[0] == ("user", text)


@pytest.mark.parametrize("repeats", [True, False])
async def test_files_and_images_need_not_be_repeated(service: Service, model: ScriptedChat, repeats: bool) -> None:
    model.replies = ["Three rows.", "Yes."]
    data = "data:text/csv;base64," + base64.b64encode(b"a,b\n1,2\n").decode()
    part = {"type": "file", "file": {"filename": "a.csv", "file_data": data}}
    words = {"type": "text", "text": "How many rows?"}
    first = await send(service, [user([words, part])])
    asked = user([words, part]) if repeats else user("How many rows?")
    second = await send(service, [asked, said("Three rows."), user("Sure?")])
    assert second["x_session_id"] == first["x_session_id"]
    kept = (await get(service, f"/api/chat/history/{first['x_session_id']}"))["messages"]
    assert [message.get("files") for message in kept] == [["a.csv"], None, [], None]


async def test_a_message_of_only_a_file_is_forgiven_too(service: Service, model: ScriptedChat) -> None:
    model.replies = ["A table.", "Yes."]
    part = {"type": "file", "file": {"filename": "a.csv", "file_data": base64.b64encode(b"a\n1\n").decode()}}
    first = await send(service, [user([part])])
    second = await send(service, [user(""), said("A table."), user("Sure?")])
    assert second["x_session_id"] == first["x_session_id"]


async def test_images_of_an_answer_may_move(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Done. ![plot](http://one/p.png)", "Yes."]
    first = await send(service, [user("Draw.")])
    moved = said('<details type="tool_calls">x</details>Done.\n\n![plot](/api/v1/files/1/content)')
    second = await send(service, [user("Draw."), moved, user("Sure?")])
    assert second["x_session_id"] == first["x_session_id"]


# the ID of a chat


async def chat(
    service: Service, messages: History, name: str = "chat-1", header: str = "X-OpenWebUI-Chat-Id", **fields: Any
) -> dict[str, Any]:
    body = {"messages": messages, "agent_type": "chat", **fields}
    answer = await service.http.post("/v1/chat/completions", json=body, headers={header: name})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("header", ["x-openwebui-chat-id", "X-Conversation-ID", "X-Chat-ID", "X-Thread-ID", ""])
async def test_a_chat_keeps_its_session_when_the_front_end_rewrites_the_history(
    service: Service, model: ScriptedChat, header: str
) -> None:
    model.replies = ["one", "two", "three"]
    fields: dict[str, Any] = {"header": header or "X-Nothing"} | ({} if header else {"chat_id": "chat-1"})
    first = await chat(service, [user("1")], **fields)
    messages = [user("1"), answer_of(first), user("2")]
    second = await chat(service, messages, **fields)
    summary = {"role": "system", "content": "[CONVERSATION SUMMARY]\nIt was about numbers."}
    third = await chat(service, [summary, user("in other words"), answer_of(second), user("3")], **fields)
    assert first["x_session_id"] == second["x_session_id"] == third["x_session_id"]
    assert [text for _, text in await history(service, third["x_session_id"])][-2:] == ["3", "three"]


async def test_two_chats_that_look_alike_stay_apart(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["one"], True
    found = {name: (await chat(service, [user("1")], name))["x_session_id"] for name in ("a", "b", "c")}
    for name in ("b", "a", "c"):
        again = await chat(service, [user("1"), said("one"), user("2")], name)
        assert again["x_session_id"] == found[name]


async def test_a_copied_chat_gets_a_session_of_its_own(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["one"], True
    first = await chat(service, [user("1")], "a")
    copy = await chat(service, [user("1"), said("one"), user("2")], "copy")
    original = await chat(service, [user("1"), said("one"), user("3")], "a")
    assert copy["x_session_id"] != first["x_session_id"] == original["x_session_id"]


async def test_regenerating_and_editing_fork_inside_of_a_chat(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two", "another two", "edited", "three", "begun again"]
    messages = [user("1"), answer_of(await chat(service, [user("1")])), user("2")]
    second = await chat(service, messages)
    again = await chat(service, messages)
    edited = await chat(service, [*messages[:2], user("2, please")])
    assert len({body["x_session_id"] for body in (second, again, edited)}) == 3
    back = await chat(service, [*messages, answer_of(second), user("3")])
    assert back["x_session_id"] == second["x_session_id"], "the person looks at the first answer again"
    first_again = await chat(service, [user("1, please")])
    assert [text for _, text in await history(service, first_again["x_session_id"])] == ["1, please", "begun again"]
    assert rows(service, "SELECT count(*) FROM sessions WHERE external_id = 'chat-1'") == [(1,)]


async def test_a_first_answer_that_was_stopped_finds_its_variables(service: Service, model: ScriptedChat) -> None:
    model.replies = [
        python_step("x = 41; print(x)"),
        RuntimeError("cut"),
        python_step("print(x + 1)"),
        "Final Answer: 42.",
    ]
    body = {"messages": [user("Let x be 41.")], "model": "react"}
    headers = {"X-OpenWebUI-Chat-Id": "c"}
    assert (await service.http.post("/v1/chat/completions", json=body, headers=headers)).status_code == 500
    again = (await service.http.post("/v1/chat/completions", json=body, headers=headers)).json()
    (step,) = again["x_agent_metadata"]["steps"]
    assert step["observation"].strip() == "42"


async def test_the_id_of_a_chat_is_only_a_hint(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["one"], True
    named = await chat(service, [user("1")], "a")
    other = await chat(service, [user("Hm"), said("something else"), user("2")], "a")
    assert other["x_session_id"] != named["x_session_id"], "nothing of the conversation is the session's"
    odd = await chat(service, [user("1")], "two words")
    assert odd["x_session_id"]
    session = other["x_session_id"]
    told = await chat(service, [user("go on")], "b", session_id=session)
    assert told["x_session_id"] == session
    assert rows(service, "SELECT external_id FROM sessions WHERE id = ?", session) == [("a",)]

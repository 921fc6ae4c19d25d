"""Documents are uploaded, searched and cited, with the real server, readers and vectors."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from llm.scripted import ScriptedChat
from tests.api.client import give_away
from tests.documents import pdf
from tests.serving import Service

Start = Callable[..., AbstractAsyncContextManager[Service]]

FILES = {
    "garden.txt": b"Roses are pruned in late winter.",
    "kitchen.md": b"# Bread\n\nDough rises twice before it is baked.\n\n# Knives\n\nThey are sharpened on a wet stone.",
    "travel.pdf": pdf(
        [
            ["The night train to Vienna leaves at ten."],
            ["Passports must be valid for six more months."],
            ["The ferry to the island carries no cars in winter."],
        ]
    ),
    "music.html": b"<html><body><h1>Strings</h1><p>A cello has four strings.</p></body></html>",
    "garage.txt": b"Engine oil is changed every year.",
    "table.csv": b"ferry,cars\n1,2\n",
}


async def upload(service: Service, files: dict[str, bytes], session: str | None = None) -> str:
    """Attach files to a turn; returns its session."""
    form = {"messages": json.dumps([{"role": "user", "content": "Here they are."}]), "agent_type": "chat"}
    if session is not None:
        form["session_id"] = session
    parts = [("files", (name, data)) for name, data in files.items()]
    answer = await service.http.post("/v1/chat/completions", data=form, files=parts)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["x_session_id"])


async def ask(service: Service, session: str | None, query: str, **extra: Any) -> dict[str, Any]:
    body = {"input": {"query": query, **extra}, **({"session_id": session} if session else {})}
    answer = await service.http.post("/api/tools/rag_retriever", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_page_that_answers_is_found(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Thank you."]
    session = await upload(service, FILES)
    found = await ask(service, session, "Can I take my car on the boat in January?", top_k=3)
    first = found["sources"][0]
    assert (first["kind"], first["title"], first["page"]) == ("file", "travel.pdf", 3)
    assert first["text"] == "The ferry to the island carries no cars in winter."
    assert first["position"] > 0
    assert found["output"].startswith("[1] travel.pdf, page 3\nThe ferry")
    assert len(found["sources"]) == 3
    assert found["data"]["documents"] == 5
    only = await ask(service, session, "Can I take my car on the boat?", files=["kitchen.md"])
    assert {(source["title"], source["heading"]) for source in only["sources"]} == {
        ("kitchen.md", "Bread"),
        ("kitchen.md", "Knives"),
    }


async def test_nothing_to_search_is_said_in_words(service: Service, model: ScriptedChat) -> None:
    found = await ask(service, None, "anything")
    assert (found["output"], found["sources"]) == ("", [])
    assert "No document has been uploaded" in found["error"]
    model.replies = ["Thank you.", "Thank you."]
    session = await upload(service, {"broken.docx": b"PK\x03\x04 and then nothing"})
    found = await ask(service, session, "anything")
    assert "broken.docx could not be read" in found["error"]
    await upload(service, {"notes.txt": b"The meeting is on Monday."}, session)
    found = await ask(service, session, "When is the meeting?")
    assert found["error"] is None
    assert "broken.docx could not be read" in found["output"]
    assert found["data"]["skipped"].keys() == {"broken.docx"}
    wrong = await ask(service, session, "When?", files=["none.txt"])
    assert "'none.txt'" in wrong["error"]
    assert "notes.txt" in wrong["error"]


async def test_wrong_input_is_named(service: Service) -> None:
    for given, field in [({"query": ""}, "query"), ({"query": "x", "top_k": 0}, "top_k"), ({}, "query")]:
        answer = await service.http.post("/api/tools/rag_retriever", json={"input": given})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, f"input.{field}")


async def test_sessions_do_not_see_each_other_s_documents(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Thank you.", "Thank you."]
    mine = await upload(service, {"mine.txt": b"The blue key opens the cellar."})
    other = await upload(service, {"other.txt": b"The red key opens the attic."})
    for session, name in ((mine, "mine.txt"), (other, "other.txt")):
        found = await ask(service, session, "Which key opens the cellar or the attic?", top_k=20)
        assert {source["title"] for source in found["sources"]} == {name}


async def test_regression_another_user_s_session_cannot_be_searched(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Thank you."]
    session = await upload(service, {"mine.txt": b"The blue key opens the cellar."})
    await ask(service, session, "key")
    await give_away(service, session)
    answer = await service.http.post(
        "/api/tools/rag_retriever", json={"session_id": session, "input": {"query": "key"}}
    )
    assert answer.status_code == 404


async def test_the_index_outlives_the_service(start: Start, model: ScriptedChat) -> None:
    model.replies = ["Thank you."]
    async with start() as service:
        session = await upload(service, {"mine.md": b"# Keys\n\nThe blue key opens the cellar."})
        first = await ask(service, session, "Which key?")
        index = service.settings.user_dir("local") / "index-sessions" / session
        written = {path.name: path.stat().st_mtime_ns for path in index.glob("*.seg")}
        assert len(written) == 1
    async with start() as service:
        again = await ask(service, session, "Which key?")
        assert again["sources"] == first["sources"]
        assert again["sources"][0]["heading"] == "Keys"
        assert {path.name: path.stat().st_mtime_ns for path in index.glob("*.seg")} == written

"""Files are found by the name that the person gave them: in programs, tools and URLs, in every spelling of it."""

import base64
import json
import unicodedata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

import pytest

from llm.scripted import ScriptedChat
from tests.api.client import ask, change, get, rows, run
from tests.serving import Service

Start = Callable[..., AbstractAsyncContextManager[Service]]
DATA = b"a,b\n1,2\n"
NAMES = [
    "Umsatz – Größe März 2024.csv",
    "Q1: profit & loss (50%) #2 @home.csv",
    "It’s “quoted” 'twice' \"here\".csv",
    "売上 2024年.csv",
    "отчёт.csv",
    "تقرير.csv",
    "👨‍👩‍👧 family.csv",
    "Screenshot 2024-03-01 at 9.41.00\u202fAM.csv",
    "no\u00a0break.csv",
    "_private__.csv",
    "-rf.csv",
    "two  blanks.csv",
    "a?b*c[d]{e}~$f.csv",
    "UPPER.CSV",
    "no suffix",
    "x" * 200 + ".csv",
    "日本" * 35 + ".csv",
]


async def upload(service: Service, name: str, data: bytes = DATA) -> dict[str, Any]:
    """As with browsers, which escape quotes."""
    label = name.replace('"', "%22").encode()
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + label + b'"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await service.http.post("/api/upload", content=head + data + b"\r\n--x--\r\n", headers=headers)
    assert answer.status_code == 201, answer.text
    (file,) = answer.json()["files"]
    return dict(file)


async def tool(service: Service, name: str, **values: Any) -> dict[str, Any]:
    answer = await service.http.post(f"/api/tools/{name}", json={"input": values})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def reading(name: str) -> str:
    return f"print(len(open({name!r}, 'rb').read()))"


def decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


@pytest.mark.parametrize("name", NAMES)
async def test_the_persons_name_is_the_files_name(service: Service, name: str) -> None:
    stored = await upload(service, name)
    assert (stored["name"], stored["label"]) == (name, name)
    assert (await service.http.get(stored["url"])).content == DATA
    assert (await run(service, reading(name)))["output"] == "8"
    assert (await tool(service, "file_analyzer", filename=name))["error"] is None
    assert (await service.http.delete(f"/api/files/{quote(name, safe='')}")).status_code == 200


@pytest.mark.parametrize("upload_form", ["NFC", "NFD"])
@pytest.mark.parametrize("asked_form", ["NFC", "NFD"])
async def test_both_unicode_forms_name_the_same_file(service: Service, upload_form: Any, asked_form: Any) -> None:
    stored = await upload(service, unicodedata.normalize(upload_form, NAMES[0]))
    assert stored["name"] == NAMES[0]
    asked = unicodedata.normalize(asked_form, NAMES[0])
    assert (await run(service, reading(asked)))["output"] == "8"
    assert (await service.http.get(f"/api/files/{quote(asked)}")).content == DATA
    assert (await tool(service, "file_analyzer", filename=asked))["error"] is None


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Umsatz – Größe.csv", "Umsatz - Größe.csv"),
        ("It’s “here”.csv", 'It\'s "here".csv'),
        ("at 9.41\u202fAM.csv", "at 9.41 AM.csv"),
        ("no\u00a0break.csv", "no break.csv"),
        (".env", ".env"),
        ("trailing.csv ", "trailing.csv "),
        ("a\u202eb.csv", "a\u202eb.csv"),
        ("line\tbreak.csv", "line\tbreak.csv"),
    ],
)
async def test_programs_may_spell_what_a_keyboard_cannot_type(service: Service, name: str, spelled: str) -> None:
    await upload(service, name)
    assert (await run(service, reading(spelled)))["output"] == "8"


@pytest.mark.parametrize(
    "spelled", ["umsatz - grösse märz.CSV", "`Umsatz – Grösse März.csv`", "Umsatz_Grösse_März.csv"]
)
async def test_tools_forgive_case_quotes_and_separators(service: Service, spelled: str) -> None:
    await upload(service, "Umsatz – Grösse März.csv")
    assert (await tool(service, "file_analyzer", filename=spelled))["error"] is None


async def test_document_search_takes_the_name_in_any_spelling(service: Service) -> None:
    await upload(service, "Übersicht – Blumen.txt", b"Sunflowers follow the sun. " * 5)
    for spelled in ("Übersicht – Blumen.txt", decomposed("Übersicht – Blumen.txt"), "übersicht - blumen.txt"):
        found = await tool(service, "rag_retriever", query="sunflowers", files=[spelled])
        assert found["error"] is None
        assert "Sunflowers" in found["output"]


async def test_names_that_look_alike_stay_apart(service: Service) -> None:
    names = ["a?.csv", "a!.csv", "a*.csv", "A?.csv", "a–b.csv", "a-b.csv"]
    for number, name in enumerate(names, 1):
        assert (await upload(service, name, b"x" * number))["name"] == name
    session: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        answer = await run(service, reading(name), **session)
        assert answer["output"] == str(number), name
        session = {"session_id": answer["session_id"]}


async def test_a_program_never_overwrites_an_upload_or_another_file(service: Service) -> None:
    await upload(service, "Report – final.txt", b"original")
    program = "open('Report - final.txt', 'w').write('changed')\nprint(open('Report – final.txt').read())"
    assert (await run(service, program))["output"].startswith("original\n")
    assert (await service.http.get("/api/files/Report%20%E2%80%93%20final.txt")).content == b"original"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "a/../../b",
        "..",
        ".",
        "a\0b",
        "\u202e",
        "~",
        "%2e%2e%2fx",
    ],
)
async def test_no_name_is_a_path(service: Service, name: str) -> None:
    stored = await upload(service, name)
    folder = service.settings.data_dir / "users" / "local" / "files"
    assert (folder / stored["name"]).parent == folder
    assert (folder / stored["name"]).is_file()
    assert not (service.settings.data_dir / "users" / "passwd").exists()
    assert (await service.http.get(stored["url"])).content == DATA


async def test_attachments_keep_their_names(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Done."]
    encoded = base64.b64encode(DATA).decode()
    part = {"type": "file", "file": {"filename": decomposed(NAMES[0]), "file_data": f"data:text/csv;base64,{encoded}"}}
    answer = await service.http.post(
        "/v1/chat/completions",
        json={
            "agent_type": "chat",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, part]}],
        },
    )
    session = answer.json()["x_session_id"]
    listed = await get(service, f"/api/conversations/{session}/artifacts")
    assert [file["filename"] for file in listed["artifacts"]] == [NAMES[0]]
    for spelled in (NAMES[0], decomposed(NAMES[0])):
        got = await service.http.get(f"/api/conversations/{session}/artifacts/{quote(spelled)}")
        assert got.content == DATA
        assert (await run(service, reading(spelled), session_id=session))["output"] == "8"


async def test_the_model_is_told_the_persons_name(service: Service, model: ScriptedChat) -> None:
    await upload(service, NAMES[0])
    model.replies = [f"```python\n{reading(NAMES[0])}\n```", "Final Answer: 8"]
    answer = await ask(service, f"How many bytes are in {decomposed(NAMES[0])}?", agent_type="react")
    assert NAMES[0] in json.dumps([m.text for prompt in model.asked for m in prompt], ensure_ascii=False)
    assert "8" in answer["x_agent_metadata"]["steps"][-1]["observation"]


async def test_a_wrong_name_is_answered_with_the_right_one(service: Service) -> None:
    await upload(service, "Sales 2024.csv")
    first = await run(service, reading("Sales 2024.csv"))
    body = {"session_id": first["session_id"], "input": {"code": reading("sales_2024.csv")}}
    failed = (await service.http.post("/api/tools/python_coder", json=body)).json()
    assert 'The file is called "Sales 2024.csv" here.' in failed["error"]


async def test_files_of_an_older_version_get_their_owners_names(start: Start) -> None:
    """It stored `a_.csv` for `a?.csv`, and `a_-2.csv` for `a!.csv`."""
    old = {"a_.csv": "a?.csv", "a_-2.csv": "a!.csv", "sales.csv": "sales.csv", "sales-2.csv": "sales.csv"}
    async with start() as service:
        folder = service.settings.data_dir / "users" / "local" / "files"
        for name, label in old.items():
            await upload(service, name, name.encode())
            await change(service, "UPDATE files SET label = ? WHERE name = ?", label, name)
    async with start() as service:
        assert sorted(rows(service, "SELECT name, label FROM files")) == [
            ("a!.csv", "a!.csv"),
            ("a?.csv", "a?.csv"),
            ("sales-2.csv", "sales.csv"),
            ("sales.csv", "sales.csv"),
        ]
        assert {f.name: f.read_text() for f in folder.iterdir()} == {
            "a?.csv": "a_.csv",
            "a!.csv": "a_-2.csv",
            "sales.csv": "sales.csv",
            "sales-2.csv": "sales-2.csv",
        }


async def test_old_names_are_still_found(service: Service) -> None:
    """In the folders of old sessions, and in programs and links that were written for them."""
    await upload(service, "Umsatz – Größe.csv")
    assert (await run(service, reading("Umsatz _ Größe.csv")))["output"] == "8"
    assert (await service.http.get(f"/api/files/{quote('Umsatz _ Größe.csv')}")).content == DATA
    made = await run(service, "print(open('Kosten _ Plan.csv', 'w').write('abc'))")
    read = await run(service, reading("Kosten – Plan.csv"), session_id=made["session_id"])
    assert read["output"] == "3"

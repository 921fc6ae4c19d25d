"""The file analyzer over HTTP, and the files in the agent's prompts."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from checkpoints.users import LOCAL
from llm.scripted import ScriptedChat
from tests.serving import Service, python_step
from tests.tools.files.corpus import CORPUS, SALES
from tests.tools.files.spreadsheets import old_workbook, workbook
from workspace.library import Library

HOSTILE_NAMES = [
    "../../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "a\nb",
    "x" * 300,
    "\u202efdp.exe",
    "..",
    ".",
    "sales.csv/",
]


def library_of(service: Service) -> Library:
    return Library(service.settings.user_dir(LOCAL.id) / "files", 1 << 20, service.settings.data_dir)


def said(model: ScriptedChat) -> str:
    """The first prompt."""
    return "\n".join(message.text for message in model.asked[0])


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def ask(service: Service, filename: str, **extra: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/file_analyzer", json={"input": {"filename": filename}, **extra})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def upload(service: Service, model: ScriptedChat, *files: tuple[str, bytes]) -> str:
    """A session with files in it."""
    model.replies = ["Final Answer: thanks"]
    model.asked.clear()
    data = {"messages": json.dumps([{"role": "user", "content": "Here are files"}]), "agent_type": "react"}
    answer = await service.http.post("/v1/chat/completions", data=data, files=[("files", file) for file in files])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["x_session_id"])


async def test_a_file_of_the_session_is_profiled(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("book.xlsx", CORPUS["book.xlsx"]()))
    body = await ask(service, "book.xlsx", session_id=session)
    assert body["error"] is None
    assert 'pd.read_excel("book.xlsx", sheet_name="Sales", engine="calamine")' in body["output"]
    data = body["data"]
    assert (data["filename"], data["kind"]) == ("book.xlsx", "xlsx")
    assert [table["name"] for table in data["tables"]] == ["Sales", "By year", "Notes"]
    units = data["tables"][0]["columns"][2]
    assert (units["name"], units["minimum"], units["maximum"], units["mean"]) == ("Units", "3", "84", 43.5)
    assert "{name}" not in json.dumps(data)


FORMULAS = workbook([["a", "b", "sum"], [1, 2, "=A2+B2"], [3, 4, "=A3+B3"]])
HTML = b"<table><tr><th>code<th>sum</tr><tr><td>007<td>1,5</tr><tr><td>008<td>8,5</tr></table>"


@pytest.mark.parametrize(
    ("name", "data", "check", "printed"),
    [
        ("formulas.xlsx", FORMULAS, "df['sum'].sum()", "10"),
        ("old.xls", old_workbook(), "df.groupby('Category')['Units'].sum().to_dict()", "{'Fruit': 30, 'Veg': 5}"),
        ("page.xls", HTML, "df['sum'].sum(), df['code'].tolist()", "10.0 ['007', '008']"),
        ("stock.ods", CORPUS["stock.ods"](), "df['units'].sum()", "7"),
    ],
)
async def test_a_kernel_can_load_what_is_said_to_load_it(
    service: Service, name: str, data: bytes, check: str, printed: str
) -> None:
    await library_of(service).add(name, chunks(data))
    body = await ask(service, name)
    (table,) = body["data"]["tables"]
    program = f"import pandas as pd\n{table['load']}\nprint({check})"
    code = {"input": {"code": program}, "session_id": body["session_id"]}
    answer = (await service.http.post("/api/tools/python_coder", json=code)).json()
    assert (answer["output"], answer["error"]) == (printed, None)


async def test_a_name_as_models_write_it_is_understood(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("Sales.csv", SALES.encode()))
    for name in ("Sales.csv", "`Sales.csv`", '"sales.csv"', "./SALES.CSV"):
        assert (await ask(service, name, session_id=session))["error"] is None


async def test_an_unknown_name_is_answered_with_those_that_are(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("a.csv", SALES.encode()), ("b.csv", SALES.encode()))
    body = await ask(service, "c.csv", session_id=session)
    assert body["error"].startswith("There is no such file. The files are: ")
    assert {"a.csv", "b.csv"} <= set(body["error"].rstrip(".").partition(": ")[2].split(", "))
    assert (await ask(service, "c.csv"))["error"] == "There is no such file; there are no files at all."


async def test_hostile_names_are_unknown_names(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("sales.csv", SALES.encode()))
    for name in HOSTILE_NAMES:
        body = await ask(service, name, session_id=session)
        assert body["error"] == "There is no such file. The files are: sales.csv.", name


async def test_a_link_out_of_the_session_is_no_file(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("sales.csv", SALES.encode()))
    folder = service.settings.data_dir / "sessions" / session
    (folder / "out.csv").symlink_to("/etc/passwd")
    assert "no such file" in (await ask(service, "out.csv", session_id=session))["error"]


async def test_a_file_of_the_library_is_profiled_and_python_can_read_it(service: Service) -> None:
    library = library_of(service)
    await library.add("sales.csv", chunks(SALES.encode()))
    body = await ask(service, "sales.csv")
    assert body["data"]["tables"][0]["rows"] == 3
    read = {"input": {"code": "print(open('sales.csv').read()[:4])"}, "session_id": body["session_id"]}
    assert (await service.http.post("/api/tools/python_coder", json=read)).json()["output"] == "date"
    assert (await library.files())[0].name == "sales.csv"


async def test_what_cannot_be_read_is_told(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("a.xlsx", CORPUS["book.xlsx"]()[:3000]), ("b.csv", b""))
    assert "damaged" in (await ask(service, "a.xlsx", session_id=session))["error"]
    assert (await ask(service, "b.csv", session_id=session))["error"] == "b.csv cannot be read. It is empty."


async def test_prompts_describe_the_files(service: Service, model: ScriptedChat) -> None:
    await library_of(service).add("other.csv", chunks(SALES.encode()))
    model.replies = [python_step("print(1)"), "Final Answer: 1"]
    data = {"messages": json.dumps([{"role": "user", "content": "Compute the sum"}]), "agent_type": "react"}
    files = [("files", (name, CORPUS[name]())) for name in ("book.xlsx", "korean.csv", "tower.pdf")]
    assert (await service.http.post("/v1/chat/completions", data=data, files=files)).status_code == 200
    prompt = said(model)
    assert 'sheet "By year": 3 rows × 5 columns' in prompt
    assert 'pd.read_csv("korean.csv", encoding="cp949")' in prompt
    assert 'tower.pdf (2.9 kB): PDF document, 3 pages, "The Tower"' in prompt
    assert "In the user's library, to be had with file_analyzer: other.csv" in prompt


async def test_a_library_file_that_is_named_is_brought_in(service: Service, model: ScriptedChat) -> None:
    await library_of(service).add("ledger.csv", chunks(SALES.encode()))
    model.replies = [python_step("print(len(open('ledger.csv').readlines()))"), "Final Answer: 4"]
    answer = await service.client.chat.completions.create(
        model="react", messages=[{"role": "user", "content": "How many rows has ledger.csv?"}]
    )
    assert answer.choices[0].message.content == "4"
    assert "ledger.csv (92 bytes): CSV table, 3 rows × 4 columns" in said(model)


async def test_profiles_are_kept_and_a_damaged_entry_is_no_trouble(service: Service, model: ScriptedChat) -> None:
    session = await upload(service, model, ("sales.csv", SALES.encode()))
    first = await ask(service, "sales.csv", session_id=session)
    (entry,) = entries(service.settings.data_dir)
    entry.write_text('{"profile": {"kind": 3')
    assert (await ask(service, "sales.csv", session_id=session))["data"] == first["data"]
    (entry,) = entries(service.settings.data_dir)
    kept = json.loads(entry.read_text())
    assert kept["profile"]["kind"] == "csv"
    assert "sales.csv" not in entry.read_text()


def entries(data_dir: Path) -> list[Path]:
    return list((data_dir / "cache" / "files").iterdir())

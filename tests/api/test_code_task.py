"""`python_coder` tasks: programs are written, run and fixed; over HTTP and from Python."""

from pathlib import Path
from typing import Any

from api.code_task import execute_code_task
from api.services import open_services
from llm.scripted import ScriptedChat
from tests.serving import Service, settings_for

CSV = "city,amount\nOslo,3\nRome,4\nOslo,5\n"
WRONG = "```python\nprint('total', ammount)\n```"
READ = "import csv\nrows = list(csv.DictReader(open('orders.csv')))"
RIGHT = f"Here it is:\n```python\n{READ}\nprint('total', sum(int(r['amount']) for r in rows))\n```\nDone."


async def call(service: Service, given: dict[str, Any], **extra: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/python_coder", json={"input": given, **extra})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_task_is_written_run_and_mended(service: Service, model: ScriptedChat) -> None:
    await service.http.post("/api/upload", files={"files": ("orders.csv", CSV)})
    model.replies = [WRONG, RIGHT]
    body = await call(service, {"task": "What is the total of amount?", "files": ["orders.csv"]})
    assert (body["output"], body["error"]) == ("total 12", None)
    assert body["data"]["code"].endswith("for r in rows))")
    first, second = body["data"]["attempts"]
    assert (first["error"], second["error"]) == ("failed", None)
    assert "NameError: name 'ammount' is not defined" in first["output"]
    written, mended = ("\n".join(str(m.content) for m in asked) for asked in model.asked)
    assert "columns: city (text: Oslo/Rome), amount (integer)" in written
    assert "What happened:" in mended
    assert "NameError" in mended
    model.replies.append("```python\nprint(len(rows))\n```")
    again = await call(service, {"task": "How many rows?"}, session_id=body["session_id"])
    assert again["output"] == "3"
    assert "- rows (list) 3 items" in str(model.asked[-1][1].content)


async def test_tries_have_an_end_and_nothing_is_run_twice(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["```python\nopen('seen.txt', 'a').write('x')\n1 / 0\n```"], True
    body = await call(service, {"task": "Divide"})
    assert body["error"].startswith("No program worked. The last one:\nopen(")
    assert [attempt["error"] for attempt in body["data"]["attempts"]] == ["failed", "refused", "refused", "refused"]
    assert len(model.asked) == 1 + 3 * 2  # each fix is requested again if nothing was changed
    assert model.arguments[-1]["temperature"] > 0
    assert [artifact["bytes"] for artifact in body["artifacts"]] == [1]


async def test_what_cannot_work_is_mended_before_it_runs(service: Service, model: ScriptedChat) -> None:
    model.replies = ["```python\nimport requests\n```", "```\nprint('offline')"]
    body = await call(service, {"task": "Fetch it"})
    assert body["output"] == "offline"
    assert body["data"]["attempts"][0]["error"] == "refused"
    assert "there is no network" in str(model.asked[1][1].content)


async def test_wrong_inputs_are_named(service: Service) -> None:
    for given in ({}, {"code": "1", "task": "one"}, {"task": ""}, {"task": "x", "files": "a.csv"}):
        answer = await service.http.post("/api/tools/python_coder", json={"input": given})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].startswith("input")
    body = await call(service, {"task": "Read it", "files": ["../llm_api.sqlite"]})
    assert body["error"] == "There is no file named '../llm_api.sqlite' in this session or among the user's files."


async def test_the_helper_works_from_python(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(CSV)
    model = ScriptedChat(replies=[RIGHT, "```python\nopen('n.txt', 'w').write(str(len(rows)))\nprint(len(rows))\n```"])
    async with open_services(settings_for(tmp_path / "data"), model, boot=False) as services:
        done = await execute_code_task("What is the total of amount?", [orders], services=services)
        assert (done.output, done.error) == ("total 12", None)
        more = await execute_code_task("How many rows?", session_id=done.session_id, services=services)
        assert more.output.splitlines()[0] == "3"
        assert [path.read_text() for path in more.artifacts] == ["3"]
    assert orders.read_text() == CSV
    assert not list((tmp_path / "data").rglob("*.part"))

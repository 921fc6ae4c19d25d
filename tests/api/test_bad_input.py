"""Invalid input: one clear error of the right kind, in OpenAI's format, and nothing half-written."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, folders

pytestmark = pytest.mark.one_service

HI = [{"role": "user", "content": "hi"}]
Start = Callable[..., AbstractAsyncContextManager[Service]]


BAD: list[tuple[str, dict[str, Any], int, str | None]] = [
    ("unknown mode", {"messages": HI, "agent_type": "magic"}, 400, "agent_type"),
    ("unknown model", {"messages": HI, "model": "gpt-9"}, 404, "model"),
    ("no messages", {}, 400, "messages"),
    ("empty messages", {"messages": []}, 400, "messages"),
    ("empty text", {"messages": [{"role": "user", "content": "  "}]}, 400, "messages"),
    ("no question", {"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages"),
    ("unknown role", {"messages": [{"role": "root", "content": "x"}]}, 400, "messages.0.role"),
    ("session id is a path", {"messages": HI, "session_id": "../../etc"}, 400, "session_id"),
    ("session id in metadata", {"messages": HI, "metadata": {"session_id": "a/b"}}, 400, "session_id"),
    ("no such session", {"messages": HI, "session_id": "x" * 20}, 404, "session_id"),
    ("temperature", {"messages": HI, "temperature": 3}, 400, "temperature"),
    ("max_tokens", {"messages": HI, "max_tokens": 0}, 400, "max_tokens"),
    ("n", {"messages": HI, "n": 2}, 400, "n"),
    ("tools", {"messages": HI, "tools": [{"type": "function"}]}, 400, "tools.0.function"),
]


@pytest.mark.parametrize(("body", "status", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_a_bad_body_is_named(service: Service, body: dict[str, Any], status: int, param: str | None) -> None:
    before = folders(service)
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    if param is not None:
        assert error["param"] == param
    assert folders(service) == before


async def test_broken_json(service: Service) -> None:
    headers = {"content-type": "application/json"}
    for text in ("{", "[]", "[" * 100_000, "null", ""):
        answer = await service.http.post("/v1/chat/completions", content=text, headers=headers)
        assert answer.status_code == 400, text[:10]
        assert "JSON" in answer.json()["error"]["message"]


async def test_broken_json_in_a_form_field_is_named(service: Service) -> None:
    before = folders(service)
    answer = await service.http.post("/v1/chat/completions", data={"messages": "[{"}, files={"files": ("a.txt", b"x")})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "messages"
    assert folders(service) == before


async def test_half_a_surrogate_pair_is_no_text(service: Service) -> None:
    """Clients that cut a string in the middle of an emoji send it; it reached the database and caused a 500."""
    text = json.dumps({"messages": [{"role": "user", "content": "\ud83d"}]})
    headers = {"content-type": "application/json"}
    answer = await service.http.post("/v1/chat/completions", content=text, headers=headers)
    assert answer.status_code == 400
    body = json.dumps({"input": {"code": "'\ud83d'"}})
    answer = await service.http.post("/api/tools/python_coder", content=body, headers=headers)
    assert answer.status_code == 400


async def test_harmless_defaults_are_taken_from_forms_too(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    data = {"messages": json.dumps(HI), "n": "1", "logprobs": "false", "temperature": "0.5"}
    assert (await service.http.post("/v1/chat/completions", data=data)).status_code == 200


async def test_another_content_type(service: Service) -> None:
    answer = await service.http.post("/v1/chat/completions", content="a", headers={"content-type": "text/xml"})
    assert answer.status_code == 400


async def test_a_file_over_the_limit_leaves_nothing(start: Start) -> None:
    async with start(max_upload_mb=1) as service:
        files = [("files", ("small.txt", b"x")), ("files", ("big.bin", b"x" * (2 << 20)))]
        answer = await service.http.post("/v1/chat/completions", data={"messages": json.dumps(HI)}, files=files)
        assert answer.status_code == 413
        assert "limit of 1 MB" in answer.json()["error"]["message"]
        assert folders(service) == []


async def test_a_file_over_the_limit_leaves_an_old_session_as_it_was(start: Start, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    async with start(max_upload_mb=1) as service:
        first = (await service.http.post("/v1/chat/completions", json={"messages": HI})).json()
        files = [("files", ("small.txt", b"x")), ("files", ("big.bin", b"x" * (2 << 20)))]
        data = {"messages": json.dumps(HI), "session_id": first["x_session_id"]}
        assert (await service.http.post("/v1/chat/completions", data=data, files=files)).status_code == 413
        assert [list(folder.iterdir()) for folder in folders(service)] == [[]]


async def test_a_body_over_the_limit_is_refused_before_it_is_read(start: Start) -> None:
    async with start(max_body_mb=1) as service:
        answer = await service.http.post("/v1/chat/completions", content=b"x" * (3 << 20))
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"


async def test_a_body_without_a_length_is_counted(start: Start) -> None:
    async def drip() -> Any:
        for _ in range(40):
            yield b" " * (100 << 10)

    async with start(max_body_mb=1) as service:
        headers = {"content-type": "application/json"}
        answer = await service.http.post("/v1/chat/completions", content=drip(), headers=headers)
        assert answer.status_code == 413


async def test_unknown_routes_and_methods(service: Service) -> None:
    assert (await service.http.get("/nowhere")).json()["error"]["message"]
    assert (await service.http.get("/v1/chat/completions")).status_code == 405


async def test_artifact_paths_do_not_lead_out(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    body = (await service.http.post("/v1/chat/completions", json={"messages": HI})).json()
    base = f"/api/conversations/{body['x_session_id']}/artifacts/"
    (service.settings.data_dir / "sessions" / body["x_session_id"] / "link").symlink_to("/etc")
    for path in (
        "..%2f..%2fllm_api.sqlite",
        "%2e%2e/%2e%2e/llm_api.sqlite",
        "link/passwd",
        "%00",
        "none.txt",
        "a" * 300,
        "",
    ):
        answer = await service.http.get(base + path)
        assert answer.status_code in (404, 307) or answer.json() == {"artifacts": []}, path
    assert (await service.http.get("/api/conversations/unknown/artifacts")).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"origin": "null"}, {"origin": "http://["}],
)
async def test_web_pages_of_others_cannot_speak_to_the_service(service: Service, headers: dict[str, str]) -> None:
    """Without a login, any page in the user's browser could otherwise post a form that runs code here."""
    answer = await service.http.post("/v1/chat/completions", json={"messages": HI}, headers=headers)
    assert answer.status_code == 403


async def test_a_hostile_file_name_is_made_plain(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: ok"]
    name = "../../../x/\u202eevil\n" + "n" * 300 + ".csv"
    answer = await service.http.post(
        "/v1/chat/completions", data={"messages": json.dumps(HI)}, files={"files": (name, b"a,b\n1,2\n")}
    )
    assert answer.status_code == 200
    folder = service.settings.data_dir / "sessions" / answer.json()["x_session_id"]
    (file,) = folder.iterdir()
    assert file.suffix == ".csv"
    assert len(file.name.encode()) <= 240

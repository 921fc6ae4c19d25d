"""Uploads: streamed, stored completely or not at all, within limits, readable by the tools."""

import asyncio
import contextlib
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm.scripted import ScriptedChat
from tests.api.client import change, get, raw, rows, run
from tests.serving import Service, until
from workspace.library import Library

Start = Callable[..., AbstractAsyncContextManager[Service]]


async def upload(
    service: Service, *files: tuple[str, bytes], status: int = 201, field: str = "files"
) -> dict[str, Any]:
    answer = await service.http.post("/api/upload", files=[(field, file) for file in files])
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def kept(service: Service) -> list[str]:
    """Everything in the users' and the incoming folders, except the index, which is built in the background."""
    data = service.settings.data_dir
    found = [f for top in (data / "users", *incoming(service)) for f in top.rglob("*") if f.is_file()]
    found = [f for f in found if not any(part.startswith("index") for part in f.relative_to(data).parts[:-1])]
    return sorted(f.name for f in found)


def incoming(service: Service) -> list[Path]:
    """The folders of forms that are being received."""
    return list(service.settings.scratch_dir.glob("*/incoming/*"))


async def test_files_are_kept_listed_served_and_deleted(service: Service) -> None:
    data = b"a,b\n1,2\n"
    first, second = (await upload(service, ("매출.csv", data), ("매출.csv", b"x")))["files"]
    assert (first["name"], first["label"], second["name"]) == ("매출.csv", "매출.csv", "매출-2.csv")
    assert (first["bytes"], first["mime"]) == (len(data), "text/csv")
    assert first["sha256"] == hashlib.sha256(data).hexdigest()
    await upload(service, ("third.html", b"<script>"), field="file")
    page = await get(service, "/api/files", limit=2)
    assert page["has_more"]
    assert page["files"][0]["name"] == "third.html"
    rest = await get(service, "/api/files", limit=2, cursor=page["next_cursor"])
    assert {f["name"] for f in page["files"] + rest["files"]} == {"third.html", "매출.csv", "매출-2.csv"}
    answer = await service.http.get(first["url"], headers={"Range": "bytes=0-2"})
    assert (answer.status_code, answer.content) == (206, b"a,b")
    page_headers = (await service.http.get("/api/files/third.html")).headers
    assert page_headers["content-type"] == "application/octet-stream"
    assert page_headers["content-disposition"].startswith("attachment")
    assert (await service.http.head(first["url"])).headers["content-length"] == str(len(data))
    assert (await service.http.delete(first["url"])).json() == {"name": "매출.csv", "deleted": True}
    assert (await service.http.delete(first["url"])).status_code == 404
    assert (await service.http.get(first["url"])).status_code == 404
    assert kept(service) == ["third.html", "매출-2.csv"]


async def test_a_program_that_names_a_file_finds_it(service: Service) -> None:
    await upload(service, ("sales.csv", b"region,n\nNorth,4\n"), ("other.csv", b"x"), ("Q1 report.csv", b"q"))
    body = await run(service, "print(open('sales.csv').read())")
    assert (body["output"], body["artifacts"]) == ("region,n\nNorth,4", [])
    listed = await get(service, f"/api/conversations/{body['session_id']}/artifacts")
    assert [a["filename"] for a in listed["artifacts"]] == ["sales.csv"]
    await run(service, "open('sales.csv', 'w').write('changed')", session_id=body["session_id"])
    again = await run(service, "print(open('sales.csv').read())", session_id=body["session_id"])
    assert again["output"] == "changed"
    assert (await service.http.get("/api/files/sales.csv")).text == "region,n\nNorth,4\n"
    path = await run(service, "import os; print(open(os.path.join('.', './Q1 report.csv')).read())")
    assert path["output"] == "q"
    magic = await run(service, "%ls other.csv")
    assert "other.csv" in magic["output"]
    nothing = await run(service, "# sales.csv\nimport os; print(os.listdir())")
    assert nothing["output"] == "[]"


async def test_an_upload_is_whole_or_not_there(start: Start) -> None:
    async with start(max_upload_mb=1) as service:
        body = await upload(service, ("a.txt", b"x"), ("big.bin", b"x" * (2 << 20)), status=413)
        assert body["error"]["code"] == "file_too_large"
        assert kept(service) == []
        assert (await get(service, "/api/files"))["files"] == []
        assert rows(service, "SELECT count(*) FROM files") == [(0,)]


async def test_a_file_that_cannot_be_put_in_place_undoes_all(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Library.put

    async def breaks(self: Library, path: Path, name: str) -> None:
        if name == "b.txt":
            raise OSError("the disk is full")
        await put(self, path, name)

    monkeypatch.setattr(Library, "put", breaks)
    await upload(service, ("a.txt", b"x"), ("b.txt", b"x"), status=500)
    assert kept(service) == []
    assert rows(service, "SELECT count(*) FROM files") == [(0,)]


def part(disposition: str, data: str = "b", end: str = "\r\n--x--\r\n") -> bytes:
    return f"--x\r\nContent-Disposition: form-data{disposition}\r\n\r\n{data}{end}".encode()


async def test_a_broken_form_is_refused(service: Service) -> None:
    form = "multipart/form-data; boundary=x"
    for why, content_type, content, status in [
        ("JSON", "application/json", b"{}", 415),
        ("no boundary", "multipart/form-data", b"x", 400),
        ("empty", form, b"", 400),
        ("no form", form, b"hello", 400),
        ("long boundary", f"multipart/form-data; boundary={'x' * 300}", b"--x", 400),
        ("no name", form, part(""), 400),
        ("no file", form, part('; name="a"'), 400),
        ("cut off", form, part('; name="files"; filename="a"', end=""), 400),
        ("another field", form, part('; name="z"; filename="a"'), 400),
        ("many headers", form, b"--x\r\n" + b"A: b\r\n" * 1000, 400),
    ]:
        answer = await service.http.post("/api/upload", content=content, headers={"content-type": content_type})
        assert answer.status_code == status, (why, answer.text)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert kept(service) == []


async def test_quotas_of_bytes_and_files(start: Start) -> None:
    async with start(user_storage_mb=2, user_max_files=3) as service:
        await upload(service, ("a.bin", b"x" * (1 << 20)))
        body = await upload(service, ("b.bin", b"x" * (1 << 20)), ("c.bin", b"x"), status=413)
        assert body["error"]["code"] == "storage_quota_exceeded"
        assert kept(service) == ["a.bin"]
        await upload(service, ("b.bin", b"x"), ("c.bin", b"x"))
        assert (await upload(service, ("d.bin", b"x"), status=413))["error"]["type"] == "insufficient_quota"
        await service.http.delete("/api/files/a.bin")
        await upload(service, ("d.bin", b"x"))


async def test_regression_two_uploads_at_once_cannot_both_take_the_last_room(start: Start) -> None:
    async with start(user_max_files=3) as service:
        answers = await asyncio.gather(
            *(service.http.post("/api/upload", files=[("files", ("same.txt", b"x"))] * 2) for _ in range(4))
        )
        assert sorted(a.status_code for a in answers) == [201, 413, 413, 413]
        assert kept(service) == ["same-2.txt", "same.txt"]


async def test_uploads_at_once_of_one_name_get_names_of_their_own(service: Service) -> None:
    answers = await asyncio.gather(
        *(service.http.post("/api/upload", files={"files": ("same.txt", f"{n}".encode())}) for n in range(6))
    )
    names = [a.json()["files"][0]["name"] for a in answers]
    assert sorted(names) == ["same-2.txt", "same-3.txt", "same-4.txt", "same-5.txt", "same-6.txt", "same.txt"]
    for number, name in enumerate(names):
        assert (await service.http.get(f"/api/files/{name}")).text == str(number)


async def test_ten_thousand_tiny_files(start: Start) -> None:
    """In one request, and in many: neither fills the folder nor blocks others."""
    one = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d"\r\n\r\na\r\n'
    body = b"".join(one % number for number in range(10_000)) + b"--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with start(user_max_files=100) as service:
        sending = asyncio.create_task(service.http.post("/api/upload", content=body, headers=headers))
        assert (await service.http.get("/health")).status_code == 200
        answer = await sending
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_files")
        assert kept(service) == []
        fifty = b"".join(one % number for number in range(50)) + b"--x--\r\n"
        statuses = [
            (await service.http.post("/api/upload", content=fifty, headers=headers)).status_code for _ in range(200)
        ]
        assert statuses == [201, 201] + [413] * 198
        assert len(kept(service)) == 100


async def slow_request(service: Service, path: str, content_type: str, begin: bytes, *, drip: bool) -> bytes:
    """The response to a request that announces 1 MB, sends `begin` and then nothing, or a byte now and then."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: 1000000\r\n\r\n"
    writer.write(head.encode() + begin)
    answer = asyncio.create_task(all_that_comes(reader))
    while drip and not answer.done():
        await asyncio.wait({answer}, timeout=0.05)
        writer.write(b"x")
    try:
        return await answer
    finally:
        writer.close()


async def all_that_comes(reader: asyncio.StreamReader) -> bytes:
    """Reads to the end of the connection; one that was still being written to may end with a reset."""
    pieces: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("drip", [False, True], ids=["it stops", "a byte now and then"])
async def test_a_slow_upload_is_cut_off_and_holds_nobody_up(start: Start, *, drip: bool) -> None:
    begin = part('; name="files"; filename="a"', end="")
    async with start(upload_idle_seconds=0.5) as service:
        for path in ("/api/upload", "/v1/chat/completions"):
            form = "multipart/form-data; boundary=x"
            sending = asyncio.create_task(slow_request(service, path, form, begin, drip=drip))
            await until(lambda: len(incoming(service)) == 1)
            assert (await upload(service, ("quick.txt", b"x")))["files"]
            answer = await sending
            assert b" 408 " in answer.split(b"\r\n")[0]
            assert b"upload_timeout" in answer
            await until(lambda: not incoming(service))
        json_too = await slow_request(service, "/v1/chat/completions", "application/json", b"{", drip=drip)
        assert b" 408 " in json_too.split(b"\r\n")[0]


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(service: Service) -> None:
    sent = asyncio.Event()

    async def stops() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * (3 << 20)
        sent.set()
        await asyncio.Event().wait()

    headers = {"content-type": "multipart/form-data; boundary=x"}
    sending = asyncio.create_task(service.http.post("/api/upload", content=stops(), headers=headers))
    await sent.wait()
    await until(lambda: kept(service) != [])
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await until(lambda: kept(service) == [])


async def test_too_many_uploads_at_once(service: Service) -> None:
    async def stops() -> AsyncIterator[bytes]:
        yield b"--x\r\n"
        await asyncio.Event().wait()

    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with httpx.AsyncClient(base_url=service.url, timeout=20) as slow:
        sending = [asyncio.create_task(slow.post("/api/upload", content=stops(), headers=headers)) for _ in range(8)]
        await until(lambda: len(incoming(service)) == 8)
        refused = await service.http.post("/api/upload", files={"files": ("a", b"x")})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    await until(lambda: not incoming(service))
    await upload(service, ("a", b"x"))


async def test_a_large_upload_never_stands_in_memory(start: Start) -> None:
    """60 MB through the route; Python's memory stays below 16 MB, for client and server together."""
    piece = b"x" * (256 << 10)

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
        for _ in range(240):
            yield piece
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with start() as service:
        tracemalloc.start()
        try:
            answer = await service.http.post("/api/upload", content=body(), headers=headers)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert answer.status_code == 201
        assert answer.json()["files"][0]["bytes"] == 60 << 20
        assert peak < 16 << 20


# file names


NAMES = [
    "../../../etc/passwd",
    "..\\..\\evil.exe",
    "/etc/passwd",
    "C:\\x\\y.csv",
    "a\x00b.csv",
    ".bashrc",
    "..",
    "\u202egpj.exe",
    "'; DROP TABLE files; --",
    'a"; filename="b',
    "x" * 500 + ".csv",
    "  ",
    "-rf",
    "CON",
    "매출.csv",
]


async def test_hostile_names_are_labels(service: Service) -> None:
    folder = service.settings.data_dir / "users" / "local" / "files"
    for name in NAMES:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode()
        body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + quoted + b'"\r\n\r\nx\r\n--x--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await service.http.post("/api/upload", content=body, headers=headers)
        assert answer.status_code == 201, (name, answer.text)
        (file,) = answer.json()["files"]
        assert (folder / file["name"]).parent == folder
        assert (folder / file["name"]).is_file()
        assert len(file["label"]) <= 255
        served = await service.http.get(file["url"])
        assert (served.status_code, served.content) == (200, b"x"), name
        assert served.headers["content-disposition"].count("filename=") == 1
    assert len(list(folder.iterdir())) == len(NAMES)
    assert len((await get(service, "/api/files"))["files"]) == len(NAMES)


async def test_no_name_in_a_path_leads_out(service: Service) -> None:
    await upload(service, ("mine.txt", b"x"))
    folder = service.settings.data_dir / "users" / "local" / "files"
    (folder / "link").symlink_to("/etc/passwd")
    (folder / ".hidden").write_text("x")
    targets = ["..%2f..%2f..%2fllm_api.sqlite", "../../llm_api.sqlite", "%2fetc%2fpasswd", "link", ".hidden", "%00", "..", "'%20OR%201=1%20--", "%ff", "a" * 400]  # fmt: skip # noqa: E501
    for target in targets:
        for method in ("GET", "HEAD", "DELETE"):
            status, body = await raw(service, method, f"/api/files/{target}")
            assert status in (400, 404, 405), (method, target, body)
    assert kept(service) == [".hidden", "link", "mine.txt"]
    assert rows(service, "SELECT name, ready FROM files") == [("mine.txt", 1)]


async def test_another_users_file_is_not_there(service: Service) -> None:
    await upload(service, ("mine.txt", b"x"))
    await change(service, "UPDATE files SET owner = 'somebody-else'")
    for method in ("GET", "HEAD", "DELETE"):
        assert (await service.http.request(method, "/api/files/mine.txt")).status_code == 404
    assert (await get(service, "/api/files"))["files"] == []


# startup


async def test_what_was_cut_off_is_undone_and_what_was_found_is_kept(start: Start) -> None:
    async with start() as service:
        await upload(service, ("whole.txt", b"x"), ("gone.txt", b"x"), ("half.txt", b"x"))
        await change(service, "UPDATE files SET ready = 0 WHERE name = 'half.txt'")
        folder = service.settings.data_dir / "users" / "local" / "files"
        (folder / "gone.txt").unlink()
        (folder / "found.csv").write_bytes(b"a\n")
        (service.settings.scratch_dir / "0123").mkdir()
        (service.settings.scratch_dir / "0123" / "0").write_bytes(b"secret")
    async with start() as service:
        files = {f["name"]: f for f in (await get(service, "/api/files"))["files"]}
        assert set(files) == {"whole.txt", "found.csv"}
        assert (files["found.csv"]["bytes"], files["found.csv"]["mime"]) == (2, "text/csv")
        assert kept(service) == ["found.csv", "whole.txt"]
        assert rows(service, "SELECT count(*) FROM files") == [(2,)]


async def test_files_of_a_chat_go_through_the_same_intake(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: ok"]
    data = {"messages": json.dumps([{"role": "user", "content": "hi"}])}
    answer = await service.http.post("/v1/chat/completions", data=data, files={"files": ("a.csv", b"a\n1\n")})
    session = answer.json()["x_session_id"]
    assert (await service.http.get(f"/api/conversations/{session}/artifacts/a.csv")).text == "a\n1\n"
    assert kept(service) == []

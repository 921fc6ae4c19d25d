"""The files of a session, as hostile as its programs can make them."""

import asyncio
import io
import os
import re
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from llm.scripted import ScriptedChat
from tests.api.client import get, give_away, raw, run
from tests.serving import Service
from workspace.safe_open import open_inside

pytestmark = pytest.mark.one_service

BOTH = pytest.mark.parametrize("base", ["/api/conversations", "/api/chat/sessions"])
TEN = b"0123456789"


async def new(service: Service, **files: bytes) -> tuple[str, Path]:
    """A session and its folder, with files in it."""
    # Refused before it runs: no kernel has to start.
    body = {"input": {"code": "import requests"}}
    session = (await service.http.post("/api/tools/python_coder", json=body)).json()["session_id"]
    folder = service.settings.data_dir / "sessions" / session
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return session, folder


@BOTH
async def test_files_are_listed_and_served(service: Service, base: str) -> None:
    session = (await run(service, "import os; os.mkdir('sub'); open('sub/매출.csv', 'w').write('a,b')"))["session_id"]
    (artifact,) = (await get(service, f"{base}/{session}/artifacts"))["artifacts"]
    assert (artifact["filename"], artifact["mime"], artifact["bytes"]) == ("sub/매출.csv", "text/csv", 3)
    for url in (artifact["url"], f"{base}/{session}/artifacts/{quote('sub/매출.csv')}"):
        answer = await service.http.get(url)
        assert (answer.status_code, answer.text) == (200, "a,b")
    head = await service.http.head(artifact["url"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "3")
    missing = await service.http.head(f"{base}/{session}/artifacts/none")
    assert (missing.status_code, missing.content) == (404, b"")


RUNNABLE = {
    "page.html": b"<script>alert(1)</script>",
    "image.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "page.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>",
    "feed.xml": b"<?xml-stylesheet href='x.xsl'?><a/>",
    "paper.pdf": b"%PDF-1.7",
    "code.js": b"alert(1)",
    "page.mhtml": b"MIME-Version: 1.0",
    "noname": b"<html><script>alert(1)</script>",
    "text.txt": b"<html><script>alert(1)</script>",
}


async def test_a_browser_runs_nothing_of_what_a_session_made(service: Service) -> None:
    """Checks the headers; every browser downloads an attachment, and runs no script of a sandboxed document."""
    session, _ = await new(service, **RUNNABLE, **{"picture.png": b"<html>"})
    for name in [*RUNNABLE, "picture.png"]:
        headers = (await service.http.get(f"/api/conversations/{session}/artifacts/{name}")).headers
        image = name == "picture.png"
        assert headers["content-type"] == ("image/png" if image else "application/octet-stream"), name
        assert headers["content-disposition"].startswith("inline" if image else "attachment")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")


NAMES = [
    'a"b.txt',
    "a\r\nSet-Cookie: x=1.txt",
    "a;filename=evil.exe",
    "a%0d%0aX: y",
    "매출 2024.csv",
    "a\\b.txt",
    "\u202etxt.exe",
    "a'b''c.txt",
    " x ",
]


async def test_a_file_name_cannot_inject_a_header(service: Service) -> None:
    session, _ = await new(service, **dict.fromkeys(NAMES, b"x"))
    for name in NAMES:
        answer = await service.http.get(f"/api/conversations/{session}/artifacts/{quote(name, safe='')}")
        if "\n" in name:  # no URL of the service leads there
            assert answer.status_code == 404
            continue
        assert (answer.status_code, answer.content) == (200, b"x"), name
        assert not {"set-cookie", "x"} & set(answer.headers)
        disposition = answer.headers["content-disposition"]
        shape = r"attachment; filename=\"[^\"\\\r\n]*\"; filename\*=UTF-8''[A-Za-z0-9%._~-]*"
        assert re.fullmatch(shape, disposition), disposition
        assert disposition.endswith("''" + quote(name, safe=""))


RANGES = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-99", 206, TEN, "bytes 0-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=-0", 416, None, "bytes */10"),
    ("bytes=5-2", 200, TEN, None),
    ("bytes=a-b", 200, TEN, None),
    ("bytes=", 200, TEN, None),
    ("lines=1-2", 200, TEN, None),
    ("bytes=0-3,x", 200, TEN, None),
    (f"bytes={'9' * 5000}-", 200, TEN, None),
]


async def test_ranges(service: Service) -> None:
    session, _ = await new(service, **{"ten.bin": TEN})
    url = f"/api/conversations/{session}/artifacts/ten.bin"
    for header, status, content, place in RANGES:
        answer = await service.http.get(url, headers={"Range": header})
        assert (answer.status_code, answer.headers.get("content-range")) == (status, place), header
        assert content is None or answer.content == content, header
        if status == 416:
            assert answer.json()["error"]["code"] == "range_not_satisfiable"


async def test_several_ranges_and_a_file_that_changed(service: Service) -> None:
    session, folder = await new(service, **{"ten.bin": TEN})
    url = f"/api/conversations/{session}/artifacts/ten.bin"
    several = await service.http.get(url, headers={"Range": "bytes=0-1,5-6"})
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert re.findall(rb"\r\n\r\n(.*?)\r\n", several.content) == [b"01", b"56"]
    etag = several.headers["etag"]
    same = await service.http.get(url, headers={"Range": "bytes=0-1", "If-Range": etag})
    assert (same.status_code, same.content) == (206, b"01")
    (folder / "ten.bin").write_bytes(b"another content")
    for value in ("bytes=0-1", "bytes=99-"):
        changed = await service.http.get(url, headers={"Range": value, "If-Range": etag})
        assert (changed.status_code, changed.content) == (200, b"another content")


async def test_a_file_that_grows_while_it_is_sent_does_not_break_the_answer(service: Service) -> None:
    session, folder = await new(service, **{"big.bin": b"x" * (8 << 20)})
    async with service.http.stream("GET", f"/api/conversations/{session}/artifacts/big.bin") as answer:
        pieces = answer.aiter_bytes()
        size = len(await anext(pieces))
        with (folder / "big.bin").open("ab") as file:
            file.write(b"y" * (1 << 20))
        async for piece in pieces:
            size += len(piece)
            assert b"y" not in piece
    assert size == 8 << 20


PATHS = [
    "../../llm_api.sqlite",
    "..%2f..%2fllm_api.sqlite",
    "%2e%2e/%2e%2e/llm_api.sqlite",
    "sub/../../../llm_api.sqlite",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%00",
    "ten.bin%00",
    "ten.bin/",
    ".",
    "./ten.bin",
    ".hidden",
    "sub",
    "link",
    "folder/passwd",
    "pipe",
    "a" * 300,
    "a/" * 200,
    "%ff%fe",
    "%ed%a0%80",
    "' OR 1=1 --",
]


async def test_no_path_leads_out_of_the_session(service: Service) -> None:
    session, folder = await new(service, **{"ten.bin": TEN, ".hidden": b"x"})
    (folder / "sub").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    base = f"/api/conversations/{session}/artifacts"
    for path in PATHS:
        for method in ("GET", "HEAD"):
            status, body = await raw(service, method, f"{base}/{path.replace(' ', '%20')}")
            assert status == 404, (path, body)
    assert [a["filename"] for a in (await get(service, base))["artifacts"]] == ["ten.bin"]


def test_regression_a_file_swapped_for_a_link_is_never_followed(tmp_path: Path) -> None:
    """A program replaces a file and a folder with links while they are opened; there is no gap between check and
    use.
    """
    secret, folder = tmp_path / "secret", tmp_path / "session"
    (tmp_path / "outside").mkdir()
    secret.write_text("secret")
    (tmp_path / "outside" / "file").write_text("secret")
    folder.mkdir()
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for name, target in (("file", secret), ("sub", tmp_path / "outside")):
                fresh = folder / f"{name}.new"
                if name == "file":
                    fresh.write_text("own")
                    fresh.replace(folder / name)
                    (folder / "link").symlink_to(target)
                    (folder / "link").replace(folder / name)
                else:
                    (folder / "real").mkdir(exist_ok=True)
                    (folder / "real" / "file").write_text("own")
                    (folder / "real").rename(folder / name)
                    (folder / name).rename(folder / "real")
                    (folder / name).symlink_to(target)
                    (folder / name).unlink()

    swapping = threading.Thread(target=swap)
    swapping.start()
    read: set[str] = set()
    try:
        for _ in range(3000):
            for name in ("file", "sub/file"):
                try:
                    with open_inside(folder, name) as file:
                        read.add(file.read().decode())
                except FileNotFoundError:
                    continue
    finally:
        done.set()
        swapping.join()
    assert read <= {"own", ""}
    assert "own" in read


@BOTH
async def test_all_files_as_one_archive(service: Service, base: str) -> None:
    session, folder = await new(service, **{"ten.bin": TEN, "big.bin": os.urandom(3 << 20)})
    (folder / "link").symlink_to("/etc/passwd")
    answer = await service.http.get(f"{base}/{session}/artifacts.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["ten.bin", "big.bin"]
        assert archive.read("big.bin") == (folder / "big.bin").read_bytes()


async def test_no_descriptor_is_left_open(service: Service) -> None:
    session, _ = await new(service, **{"ten.bin": TEN, "big.bin": b"x" * (8 << 20)})
    base = f"/api/conversations/{session}/artifacts"

    def open_now() -> int:
        descriptors = Path("/proc/self/fd").iterdir()
        return sum(fd.is_symlink() and session in str(fd.readlink()) for fd in descriptors)

    before = open_now()
    for _ in range(5):
        await service.http.get(f"{base}/ten.bin", headers={"Range": "bytes=99-"})
        await service.http.head(f"{base}/ten.bin")
        async with service.http.stream("GET", f"{base}/big.bin"):
            pass  # the client disconnects in between
    async with asyncio.timeout(10):
        while open_now() > before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@BOTH
async def test_another_users_session_is_not_there(service: Service, model: ScriptedChat, base: str) -> None:
    """Guessed in every place that takes a session: the responses are the same as for a missing ID."""
    session, folder = await new(service, **{"ten.bin": TEN})
    await give_away(service, session)
    one = f"{base}/{session}"
    for path in (one, f"{one}/artifacts", f"{one}/artifacts/ten.bin", f"{one}/artifacts.zip"):
        mine, none = await service.http.get(path), await service.http.get(path.replace(session, "never-was"))
        assert (mine.status_code, mine.json()) == (404, none.json()), path
    for path in (
        f"/api/conversations/{session}/export",
        f"/api/conversations/{session}/variables",
        f"/api/chat/history/{session}",
    ):
        assert (await service.http.get(path)).status_code == 404, path
    assert (await service.http.patch(one, json={"title": "x"})).status_code == 404
    assert (await service.http.delete(one)).status_code == 404
    hi = [{"role": "user", "content": "hi"}]
    for body in ({"session_id": session}, {"metadata": {"session_id": session}}):
        assert (await service.http.post("/v1/chat/completions", json={"messages": hi, **body})).status_code == 404
    tool = {"input": {"code": "1"}, "session_id": session}
    assert (await service.http.post("/api/tools/python_coder", json=tool)).status_code == 404
    header = {"X-Session-ID": session}
    model.replies = ["Hello."]
    other = await service.http.post("/v1/chat/completions", json={"messages": hi}, headers=header)
    assert other.json()["x_session_id"] != session
    assert (folder / "ten.bin").read_bytes() == TEN


IDS = [
    "../..",
    "..%2f..",
    "%2e%2e",
    "' OR '1'='1",
    "x'; DROP TABLE sessions; --",
    "%00",
    "a" * 500,
    "%ff",
    ".",
    "*",
    "%25",
]


async def test_an_id_that_is_none_is_not_there(service: Service) -> None:
    await new(service)
    before = await get(service, "/api/conversations")
    for base in ("/api/conversations/", "/api/chat/sessions/", "/api/chat/history/"):
        for method, suffix in [("GET", ""), ("DELETE", ""), ("GET", "/artifacts"), ("GET", "/artifacts/x")]:
            for session in IDS:
                status, body = await raw(service, method, f"{base}{session.replace(' ', '%20')}{suffix}")
                assert status in (404, 405), (method, base, session, suffix, body)
    assert await get(service, "/api/conversations") == before


async def test_regression_an_archive_of_files_with_holes_kept_a_processor_busy(service: Service) -> None:
    """Forty sparse files take no space, and their archive took half a minute of a processor."""
    code = "for n in range(40):\n  with open(f'{n}.bin', 'wb') as f: f.truncate(200 << 20)\nprint('made')"
    made = (await service.http.post("/api/tools/python_coder", json={"input": {"code": code}})).json()
    session, before = made["session_id"], time.process_time()
    answer = await service.http.get(f"/api/conversations/{session}/artifacts.zip")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "archive_too_large")
    assert time.process_time() - before < 1

"""A service that is killed leaves no process, and the next start deletes what it left on disk."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.processes import ended
from workspace.jail.wire import Level

SERVICE = """
import asyncio, sys
from pathlib import Path
from api.server import listen, serve
from llm.scripted import ScriptedChat
from tests.serving import settings_for

settings = settings_for(Path(sys.argv[1]), file_read_seconds=100, python_code_timeout=100, sandbox=sys.argv[2])
with listen(settings.server) as sock:
    port = sock.getsockname()[1]
    asyncio.run(serve(settings, ScriptedChat(), sock, lambda *_: print(port, flush=True)))
"""
STUBBORN = """
import os, signal, subprocess, sys, time
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP): signal.signal(number, signal.SIG_IGN)
open('partial.csv', 'w').write('a,b')
child = subprocess.Popen([sys.executable, '-c', 'import os, time; os.setsid(); os.fork(); time.sleep(1000)'])
open('began', 'w').close()
time.sleep(1000)
"""
SECONDS = 10
"""After which no process may be left."""


@dataclass
class Started:
    """A service in a process of its own, with its own folder for temporary files."""

    process: "subprocess.Popen[str]"
    http: httpx.Client
    data: Path
    temporary: Path

    def tool(self, name: str, session: str | None = None, **given: str) -> Any:
        body = {"input": given, "session_id": session}
        return self.http.post(f"/api/tools/{name}", json=body).raise_for_status().json()

    def ask_and_leave(self, path: str, head: str, body: bytes) -> socket.socket:
        """A request whose answer nobody waits for; the connection stays open."""
        url = self.http.base_url
        connection = socket.create_connection((url.host, url.port or 80))
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\n{head}\r\n\r\n".encode() + body)
        return connection

    @property
    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def left_on_disk(self) -> set[Path]:
        """Everything but the sessions' and the users' own files, and what is stored for good."""
        return {path for folder in (self.temporary, self.data / "tmp") for path in folder.rglob("*")}


@contextmanager
def started(folder: Path, sandbox: str = "auto") -> Iterator[Started]:
    temporary = folder / "t"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(folder / "data"), sandbox],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                yield Started(process, http, folder / "data", temporary)
        finally:
            process.kill()


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers_of(service: Started) -> list[psutil.Process]:
    """The processes that read files now."""
    near = [process for process in psutil.Process(service.process.pid).children() if not ended(process)]
    servers = [process for process in near if any("workers" in word for word in process.cmdline())]
    return [child for server in servers for child in server.children() if not ended(child)]


def in_the_middle(service: Started, stack: ExitStack) -> str:
    """Leave an idle kernel, a running cell, an upload and a reader under way; the ID of the first one's session."""
    idle = service.tool("python_coder", code="kept = 41; open('own.txt', 'w').write('mine'); 1")["session_id"]
    busy = service.tool("python_coder", code="1")["session_id"]
    body = json.dumps({"input": {"code": STUBBORN}, "session_id": busy}).encode()
    json_head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    stack.enter_context(service.ask_and_leave("/api/tools/python_coder", json_head, body))
    wait_until((service.data / "sessions" / busy / "began").exists)
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n' + b"x" * (3 << 20)
    form_head = f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(form) + 1000}"
    stack.enter_context(service.ask_and_leave("/api/upload", form_head, form))
    wait_until(lambda: list((service.data / "tmp").glob("*/incoming/*/0")))
    table = b"a,b\n" + b"".join(b"%d,some words\n" % number for number in range(400_000))
    service.http.post("/api/upload", files={"files": ("table.csv", table)}).raise_for_status()
    body = b'{"input": {"filename": "table.csv"}}'
    json_head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    stack.enter_context(service.ask_and_leave("/api/tools/file_analyzer", json_head, body))
    wait_until(lambda: workers_of(service))
    for worker in workers_of(service):
        worker.suspend()  # a reader that hangs
    return str(idle)


@pytest.mark.parametrize("with_wardens", [False, True])
def test_nothing_outlives_a_killed_service(tmp_path: Path, *, with_wardens: bool) -> None:
    """Regression: a killed service left connection files with their keys, sockets, uploads and copies of documents."""
    with started(tmp_path) as service, ExitStack() as stack:
        session = in_the_middle(service, stack)
        family = service.family
        wardens = psutil.Process(service.process.pid).children()
        before = service.left_on_disk()
        assert any(path.name == "0" for path in before)
        service.process.send_signal(signal.SIGSTOP)  # so that nothing notices the death of another process
        for process in wardens if with_wardens else []:  # as when a whole container is killed
            process.kill()
        service.process.kill()
        service.process.wait()
        wait_until(lambda: all(ended(process) for process in family), SECONDS)
    with started(tmp_path) as service:
        assert [path for path in service.left_on_disk() if path in before] == []
        answer = service.tool("python_coder", session, code="open('own.txt').read(), kept + 1")
        assert answer["output"] == "('mine', 42)"
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=20) == 0
        assert service.left_on_disk() == set()


def test_a_start_leaves_the_folders_of_a_living_service(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        session = first.tool("python_coder", code="kept = 41; 1")["session_id"]
        before = first.left_on_disk()
        with started(tmp_path) as second:
            assert second.tool("python_coder", code="1")["output"] == "1"
            assert before <= first.left_on_disk()
        assert first.tool("python_coder", session, code="kept + 1")["output"] == "42"


def test_levels_without_a_private_tree_leave_nothing_either(tmp_path: Path) -> None:
    """A kernel that is not in namespaces has its folder for temporary files in the session's folder."""
    with started(tmp_path, Level.OFF.value) as service:
        made = service.tool("python_coder", code="import os; print(os.environ['TMPDIR']); kept = 1")
        scratch = Path(made["output"].strip())
        service.tool("python_coder", made["session_id"], code="open(os.environ['TMPDIR'] + '/key', 'w').close()")
        assert scratch.is_dir()
        family = service.family
        service.process.kill()
        service.process.wait()
        wait_until(lambda: all(ended(process) for process in family), SECONDS)
    with started(tmp_path, Level.OFF.value) as service:
        assert not scratch.exists()

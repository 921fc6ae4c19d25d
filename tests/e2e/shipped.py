"""The product as a newcomer gets it: a fresh clone and `make run`, without any setting."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from api.settings import Settings
from api.settings.variables import variables_of
from tests.processes import ended

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
BANNER = re.compile(r"^  LLM API http://127\.0\.0\.1:(\d+)$(?s:.*)Try it:.*$", re.MULTILINE)
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS = 300, 30, 600


def commands(page: Path) -> list[str]:
    """The commands in a page's console examples."""
    return [command for text in _fenced(page, "console") for command in COMMAND.findall(text)]


def programs(page: Path) -> list[str]:
    """A page's Python examples."""
    return _fenced(page, "python")


def _fenced(page: Path, kind: str) -> list[str]:
    return [text for found, text in FENCED.findall(page.read_text()) if found == kind]


@dataclass(frozen=True)
class Product:
    """A running `make run`."""

    folder: Path
    port: int
    http: httpx.Client

    def post(self, path: str, **request: Any) -> Any:
        response = self.http.post(path, **request)
        assert response.is_success, response.text
        return response.json()

    def tool(self, name: str, session: str | None = None, **given: str) -> Any:
        return self.post(f"/api/tools/{name}", json={"input": given, "session_id": session})

    def answer(self, mode: str, question: str, **more: str) -> tuple[str, Any]:
        """The text of the answer, and the whole response."""
        messages = [{"role": "user", "content": question}]
        body = self.post("/v1/chat/completions", json={"model": mode, "messages": messages, **more})
        return body["choices"][0]["message"]["content"].replace(",", ""), body


def clone(folder: Path) -> Path:
    """The last commit, as others get it."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


@contextmanager
def make_run(folder: Path) -> Iterator[Product]:
    """Ends with SIGTERM, after which no process may be left."""
    log = folder.with_name("log")
    with log.open("w") as out:
        make = subprocess.Popen(["make", "run"], cwd=folder, env=_environment(), stdout=out, stderr=out)
    try:
        port = _port(make, log)
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=ANSWER_SECONDS) as http:
            yield Product(folder, port, http)
    finally:
        processes = psutil.Process(make.pid).children(recursive=True) if make.poll() is None else []
        make.terminate()
        make.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(processes, STOP_SECONDS)
    assert [process for process in alive if not ended(process)] == []
    assert "Traceback" not in log.read_text(), log.read_text()


def _environment() -> dict[str, str]:
    """The machine's, without our settings and without what the `make` that runs the tests has set."""
    ours = {variable.name for variable in variables_of(Settings)}
    of_make = ("MAKE", "MFLAGS")
    return {
        name: value for name, value in os.environ.items() if name.upper() not in ours and not name.startswith(of_make)
    }


def _port(make: "subprocess.Popen[bytes]", log: Path) -> int:
    """The port in the service's first words, once they are complete."""
    deadline = time.monotonic() + START_SECONDS
    while (found := BANNER.search(log.read_text())) is None:
        assert make.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return int(found[1])

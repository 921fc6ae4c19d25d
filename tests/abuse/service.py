"""Starts the service as a subprocess, with a required login, default limits and an administrator."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from api.settings import Settings
from api.settings.variables import variables_of
from tests.abuse.gauge import Gauge
from tests.people import PASSWORD
from tests.processes import ended

BOSS = "boss"
ADDRESS = "127.0.0.3"
"""The administrator's, whose logins are not slowed by an attacker's."""
STOP_SECONDS = 30


@dataclass
class RunningService:
    """Its address, an administrator's client, and its log."""

    url: str
    port: int
    pid: int
    gauge: Gauge
    boss: httpx.Client
    log: Path
    names: Iterator[str] = field(default_factory=lambda: (f"user-{number}" for number in range(1_000_000)))

    @property
    def alive(self) -> bool:
        return psutil.pid_exists(self.pid) and not ended(psutil.Process(self.pid))

    def token(self, name: str, password: str = PASSWORD) -> str:
        answer = self.boss.post("/api/auth/login", json={"username": name, "password": password}, headers={})
        return str(answer.raise_for_status().json()["access_token"])

    def user(self, **limits: int) -> tuple[str, str]:
        """A new user's name and token; without `limits` they have everybody's."""
        name = next(self.names)
        body = {"username": name, "password": PASSWORD, "role": "user"}
        self.boss.post("/api/admin/users", json=body).raise_for_status()
        if limits:
            self.boss.patch(f"/api/admin/users/{name}", json={"limits": limits}).raise_for_status()
        return name, self.token(name)

    def dismiss(self, name: str) -> None:
        """Delete a user with everything that is theirs."""
        self.boss.delete(f"/api/admin/users/{name}").raise_for_status()


@contextmanager
def running_service(folder: Path, **environment: str) -> Iterator[RunningService]:
    """Serve until the block ends. `environment` adds settings."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    log = folder / "log"
    ours = {variable.name for variable in variables_of(Settings)}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    settings = {
        "DATA_DIR": str(folder / "data"),
        "SERVER_PORT": "0",
        "AUTH_REQUIRED": "true",
        "ADMIN_USERNAME": BOSS,
        "ADMIN_PASSWORD": PASSWORD,
        "LLM_BACKEND": "openai",  # only named: the model is a scripted one
        "LOG_FILE": str(log),
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, "-m", "tests.abuse.main"]
    with subprocess.Popen(
        command, env=kept | settings | environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        threading.Thread(target=process.stdout.read, daemon=True).start()
        url = f"http://127.0.0.1:{port}"
        children: list[psutil.Process] = []
        try:
            transport = httpx.HTTPTransport(local_address=ADDRESS)
            with httpx.Client(base_url=url, timeout=120, transport=transport) as boss:
                gauge = Gauge(process.pid, [folder / "data", temporary])
                service = RunningService(url, port, process.pid, gauge, boss, log)
                boss.headers["Authorization"] = f"Bearer {service.token(BOSS)}"
                yield service
        finally:
            if process.poll() is None:
                children = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()
                for child in children:
                    if not ended(child):
                        child.kill()

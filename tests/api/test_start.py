"""`python -m api` as started by a user: one clear line if it cannot start."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.__main__ import login_words, main
from api.server import OPEN_FILES, listen
from api.settings import SettingsError, load_settings
from api.settings.server import DEFAULT_PORT, UNPRIVILEGED_PORT, ServerSettings
from llm.scripted import ScriptedChat
from tests.processes import ended
from tests.serving import running, settings_for


def start(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "api"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder / "data")} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SERVER_PORT": "high"}, "SERVER_PORT"),
        ({"LLM_BACKEND": "magic"}, "LLM_BACKEND: Value error, must be one of: llamacpp"),
        ({"SERVER_HOST": "0.0.0.0", "AUTH_REQUIRED": "false"}, "AUTH_REQUIRED: without a login, anyone who can reach"),
        ({"SANDBOX": "maybe"}, "SANDBOX"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)  # no `.env` of the developer's
    monkeypatch.setattr(sys, "argv", ["api"])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1, told.err
    assert not told.out


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    done = start(tmp_path, SERVER_PORT="0", LLAMACPP_MODEL_PATH="/nowhere/model.gguf")
    assert done.returncode == 1
    assert "No model file at /nowhere/model.gguf" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not done.stdout


def test_wrong_values_of_accounts_are_named_and_secrets_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no `.env` of the developer's
    for name, value, said in (
        ("AUTH_REQUIRED", "yes", "AUTH_REQUIRED"),
        ("SECRET_KEY", "hunter2", "SECRET_KEY: Value error, must have at least 32 bytes"),
        ("SECRET_KEY_PREVIOUS", "hunter2", "SECRET_KEY_PREVIOUS"),
        ("SECRET_KEY_PREVIOUS", "hunter2" * 5, "SECRET_KEY_PREVIOUS: is set without SECRET_KEY"),
        ("CORS_ORIGINS", "*", "CORS_ORIGINS: * requires AUTH_REQUIRED=true"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", "proxy", "TRUSTED_PROXIES"),
        ("TOKEN_HOURS", "0", "TOKEN_HOURS"),
        ("OPENAI_BASE_URL", "http://gpu:8000/v1,http://me:hunter2@gpu:8000/v1", "must not contain a user name"),
        ("OLLAMA_HOST", "http://me:hunter2@gpu:11434", "OLLAMA_HOST: Value error, must not contain a user name"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            with pytest.raises(SettingsError, match=re.escape(said)) as caught:
                load_settings()
            assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "required"),
    [
        ({}, False),
        ({"server_host": "::1"}, False),
        ({"server_host": "0.0.0.0"}, True),
        ({"server_host": "192.0.2.1"}, True),
        ({"auth_required": "true"}, True),
        ({"server_host": "0.0.0.0", "auth_required": "false", "allow_open_network": True}, False),
    ],
)
def test_a_login_is_required_where_others_can_reach_the_service(
    tmp_path: Path, values: dict[str, Any], required: bool
) -> None:
    settings = settings_for(tmp_path, **values)
    assert settings.login_required is required
    words = login_words(settings, administered=False)
    assert words.startswith("required" if required else "not required")
    assert ("admin create" in words) is required


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"admin_username": "boss"}, "ADMIN_PASSWORD"),
        ({"admin_username": "boss", "admin_password": "short"}, "ADMIN_PASSWORD"),
        ({"admin_username": "../boss", "admin_password": "long enough"}, "ADMIN_USERNAME"),
    ],
)
async def test_an_administrator_who_cannot_be_made_is_told(tmp_path: Path, values: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        async with running(settings_for(tmp_path / "data", **values), ScriptedChat()):
            pass


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = start(tmp_path, SERVER_PORT=port, LLAMACPP_MODEL_PATH=str(tmp_path / "model.gguf"))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "in use" in done.stderr


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without root's right to open ports below 1024."""
    before = os.geteuid()
    os.seteuid(before or 65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_regression_only_root_could_start_the_service_with_the_default_port() -> None:
    first_free = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    expected = DEFAULT_PORT if first_free <= DEFAULT_PORT else UNPRIVILEGED_PORT
    try:
        with ordinary_user(), listen(ServerSettings()) as sock:
            port = sock.getsockname()[1]
    except SettingsError as error:  # something else uses it
        assert f"127.0.0.1:{expected}: Address already in use" in str(error)
    else:
        assert port == expected


def test_a_port_that_was_asked_for_is_not_replaced() -> None:
    with ordinary_user(), pytest.raises(SettingsError, match=r"192\.0\.2\.1:7: .*SERVER_PORT"):
        listen(ServerSettings(host="192.0.2.1", port=7))


@pytest.mark.parametrize(
    ("name", "said"),
    [("DATA_DIR", "The service cannot start: {}: File exists"), ("MODELS_DIR", "The service cannot start: {}: Not a")],
)
def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path, name: str, said: str) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = file if name == "DATA_DIR" else file / "models"
    values = {"LLM_BACKEND": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9"} if name == "DATA_DIR" else {}
    done = start(tmp_path, SERVER_PORT="0", **values, **{name: str(folder)})
    assert done.returncode == 1
    assert said.format(folder) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def printed(code: str) -> str:
    """What a program prints, in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_limit_of_open_files_is_raised() -> None:
    """Regression: with the usual soft limit, some fifty kernels made the service fail."""
    code = (
        "import resource as r\nfrom api.server import raise_open_file_limit\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (128, r.getrlimit(r.RLIMIT_NOFILE)[1]))\n"
        "raise_open_file_limit()\nprint(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    soft, hard = map(int, printed(code).split())
    assert soft == min(hard, OPEN_FILES)


def test_large_blocks_are_returned_to_the_system() -> None:
    """Regression: after the first large request, the C library kept the memory of all following ones."""
    code = (
        "import psutil\nfrom api.allocator import return_large_blocks\nreturn_large_blocks()\n"
        "del bytearray(30 << 20)[:]\nkept = []\n"
        "for _ in range(8):\n    large = bytearray(8 << 20)\n    kept.append(bytearray(100_000))\n    del large\n"
        "before = psutil.Process().memory_info().rss\nlarge = [bytearray(8 << 20) for _ in range(8)]\n"
        "kept += [bytearray(100_000) for _ in range(8)]\ndel large\n"
        "print(psutil.Process().memory_info().rss - before)"
    )
    assert int(printed(code)) < 8 << 20


def test_what_is_free_between_smaller_blocks_is_returned_too() -> None:
    """Regression: a large body that arrived in pieces was kept for ever."""
    code = (
        "import psutil\nfrom api.allocator import trim\n"
        "before = psutil.Process().memory_info().rss\n"
        "pieces = [bytes(16_000 + number % 7) for number in range(8000)]\nkept = pieces[::100]\ndel pieces\n"
        "trim()\nprint(psutil.Process().memory_info().rss - before)"
    )
    assert int(printed(code)) < 16 << 20


def test_a_damaged_model_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + b"\0" * 1000)
    done = start(tmp_path, SERVER_PORT="0", LLAMACPP_MODEL_PATH=str(tmp_path / "model.gguf"))
    assert done.returncode == 1
    assert "cannot be loaded" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


SERVICE = """
import asyncio, sys
from pathlib import Path
from api.server import listen, serve
from llm.scripted import ScriptedChat
from tests.processes import ended
from tests.serving import settings_for

settings = settings_for(Path(sys.argv[1]))
with listen(settings.server) as sock:
    port = sock.getsockname()[1]
    asyncio.run(serve(settings, ScriptedChat(), sock, lambda *_: print(port, flush=True)))
"""


def test_regression_sigterm_ended_the_service_before_anything_was_kept(tmp_path: Path) -> None:
    """After SIGTERM the last variables are saved, no process or runtime file is left, and the exit code is 0."""
    session = None
    for code, output in (("x = list(range(10)); len(x)", "10"), ("sum(x)", "45")):
        command = [sys.executable, "-c", SERVICE, str(tmp_path / "data")]
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as service:
            assert service.stdout is not None
            url = f"http://127.0.0.1:{service.stdout.readline().strip()}/api/tools/python_coder"
            body = {"input": {"code": code}, "session_id": session}
            answer = httpx.post(url, json=body, timeout=30).json()
            session = answer["session_id"]
            assert answer["output"] == output
            children = psutil.Process(service.pid).children(recursive=True)
            service.send_signal(signal.SIGTERM)
            assert service.wait(timeout=20) == 0
        assert all(ended(child) for child in children)
        assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_loaded_is_out_of_the_collector_s_sight() -> None:
    """Regression: every full collection visited all objects of the libraries, which took 0.3 seconds and more."""
    code = (
        "import gc, api.__main__\nfrom api.server import keep_what_is_loaded\nkeep_what_is_loaded()\n"
        "print(gc.get_freeze_count(), len(gc.get_objects()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, seen = map(int, done.stdout.split())
    assert kept > 100_000
    assert seen < 1000

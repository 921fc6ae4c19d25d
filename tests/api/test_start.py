"""`python -m api`, as a person starts it: one clear line when it cannot."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


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
        ({"SERVER_HOST": "0.0.0.0"}, "SERVER_HOST: 0.0.0.0 can be reached by others"),
        ({"SANDBOX": "maybe"}, "SANDBOX"),
        ({"SERVER_PORT": "0", "LLAMACPP_MODEL_PATH": "/nowhere/model.gguf"}, "No model file at /nowhere/model.gguf"),
    ],
)
def test_a_wrong_value_is_one_clear_line(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    done = start(tmp_path, **environment)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not done.stdout


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = start(tmp_path, SERVER_PORT=port, LLAMACPP_MODEL_PATH=str(tmp_path / "model.gguf"))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "in use" in done.stderr


def test_a_damaged_model_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + b"\0" * 1000)
    done = start(tmp_path, SERVER_PORT="0", LLAMACPP_MODEL_PATH=str(tmp_path / "model.gguf"))
    assert done.returncode == 1
    assert "cannot be loaded" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr

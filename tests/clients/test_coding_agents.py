"""Codex and opencode, each through one task: they write a program with the model's calls and run it.

Nightly, because they need 800 MB: `make test-agents` installs them and runs these tests.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from llm.scripted import ScriptedChat
from tests.api.client import rows
from tests.serving import Service

BIN = Path(__file__).parent / "agents" / "node_modules" / ".bin"
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN.is_dir(), reason="not installed: see `make test-agents`"),
]
TASK = "create hello.py that prints the 10th Fibonacci number and run it"
PROGRAM = "a, b = 0, 1\nfor _ in range(10):\n    a, b = b, a + b\nprint(a)\n"
Call = tuple[str, dict[str, Any]]


def worker(*rounds: Sequence[Call]) -> Callable[[list[BaseMessage]], AIMessage]:
    """A model that makes these calls, one round after the other, and then says what the last program printed."""

    def reply(messages: list[BaseMessage]) -> AIMessage:
        if not any(isinstance(message, HumanMessage) and TASK in message.text for message in messages):
            return AIMessage("Fibonacci")
        results = [message for message in messages if isinstance(message, ToolMessage)]
        done = sum(isinstance(message, AIMessage) and bool(message.tool_calls) for message in messages)
        if done == len(rounds):
            return AIMessage(f"It prints {results[0 - len(rounds[-1])].text.split()[-1]}.")
        calls = [
            {"name": name, "args": args, "id": f"call_{done}_{at}"} for at, (name, args) in enumerate(rounds[done])
        ]
        return AIMessage("I write it." if done == 0 else "", tool_calls=calls)

    return reply


@pytest.fixture
def model() -> ScriptedChat:
    return ScriptedChat(native_tools=True, repeat=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
async def service(start: Any) -> Any:
    async with start() as started:
        yield started


async def run(project: Path, *command: str | Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=project,
        env={**os.environ, "PWD": str(project), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, out.decode()[-3000:]
    return out.decode()


def check(service: Service, model: ScriptedChat, project: Path, shown: str) -> None:
    assert (project / "hello.py").read_text() == PROGRAM
    assert "It prints 55." in shown
    assert len(rows(service, "SELECT id FROM sessions")) == 1
    assert "55" in str(model.asked[-1])


async def test_codex(service: Service, model: ScriptedChat, project: Path, tmp_path: Path) -> None:
    write = f"cat > hello.py <<'END'\n{PROGRAM}END"
    both = [("exec_command", {"cmd": "python3 hello.py"}), ("exec_command", {"cmd": "ls"})]
    model.replies = [worker([("exec_command", {"cmd": write})], both)]
    home = tmp_path / "codex"
    home.mkdir()
    lines = ['model = "scripted"', 'model_provider = "here"', "[model_providers.here]", 'name = "here"']
    lines += [f'base_url = "{service.url}/v1"', 'wire_api = "responses"']
    (home / "config.toml").write_text("\n".join(lines))
    freely = ("--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check")
    shown = await run(project, BIN / "codex", "exec", *freely, TASK, CODEX_HOME=str(home))
    check(service, model, project, shown)


async def test_opencode(service: Service, model: ScriptedChat, project: Path, tmp_path: Path) -> None:
    both = [
        ("bash", {"command": "python3 hello.py", "description": "Runs it"}),
        ("bash", {"command": "ls", "description": "Lists the files"}),
    ]
    model.replies = [worker([("write", {"filePath": "hello.py", "content": PROGRAM})], both)]
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{service.url}/v1", "apiKey": "none"},
        "models": {"scripted": {}},
    }
    settings = {"model": "here/scripted", "provider": {"here": provider}, "autoupdate": False, "share": "disabled"}
    (project / "opencode.json").write_text(json.dumps(settings))
    shown = await run(project, BIN / "opencode", "run", TASK, HOME=str(tmp_path))
    check(service, model, project, shown)

"""Solves tasks with this service, over HTTP, with the embedded model."""

import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from evals.results import Result
from evals.task import Task
from llm import catalog
from llm.fetch import ensure
from llm.llama.native import Sampling
from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from tests.serving import Service, running, settings_for

PRELOAD = ("pandas", "numpy", "matplotlib.pyplot")
PATIENCE = 1800.0
UNAVAILABLE = 503
FREE = ("temperature", "top_p", "seed")
TRACED = ("tool", "input", "observation")


def weights(name: str) -> Path:
    """The file of a model in `llm/models.toml`, downloaded if missing. Raises `FetchError`."""
    default, entries = catalog.load()
    return ensure(entries[name or default], catalog.models_dir())


class Unheld(LlamaCppChat):
    """The embedded model without grammars."""

    @override
    def _sampling(self, **wishes: Any) -> Sampling:
        return super()._sampling(**{name: wish for name, wish in wishes.items() if name in FREE})


def unheld(model: LlamaCppChat) -> LlamaCppChat:
    """The same weights without grammars, to measure their effect."""
    return Unheld(engine=model.engine, name_=model.name_, temperature=model.temperature)


@asynccontextmanager
async def service(model: str, protocol: str, *, held: bool = True) -> AsyncIterator[Service]:
    """An in-process server with its own data folder."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    loaded = loaded if held else unheld(loaded)
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(
            Path(folder) / "data", python_code_preload_libraries=PRELOAD, tool_protocol=protocol, web_search="off"
        )
        async with running(settings, loaded) as started:
            yield started


async def solve(task: Task, started: Service, mode: str, harness: str, *, trace: bool = False) -> Result:
    """All turns of a task in one session; each answer must be correct. `trace` records the steps.

    Raises:
        RuntimeError: the service is stopping or overloaded, which says nothing about the task.
    """
    answers: list[str] = []
    wrong: str | None = None
    calls, read, written, steps = 0, 0, 0, 0
    errors: list[str] = []
    traced: list[dict[str, str]] = []
    first_mode, session = "", None
    began = time.perf_counter()
    for at, turn in enumerate(task.turns):
        data: dict[str, Any] = {
            "messages": json.dumps([{"role": "user", "content": turn.question}]),
            "agent_type": mode,
            "temperature": "0",
        }
        if session is not None:
            data["session_id"] = session
        files = [("files", (name, content)) for name, content in task.files.items()] if at == 0 else None
        answer = await started.http.post("/v1/chat/completions", data=data, files=files or None, timeout=PATIENCE)
        body = answer.json()
        if answer.status_code == UNAVAILABLE:
            raise RuntimeError(body["error"]["message"])
        if answer.status_code != 200:
            wrong = wrong or f"error {answer.status_code}: {body['error']['message']}"
            break
        session, told = body["x_session_id"], body["x_agent_metadata"]
        text = str(body["choices"][0]["message"]["content"])
        answers.append(text)
        wrong = wrong or turn.check(text)
        first_mode = first_mode or told["agent_type"]
        calls += told["llm_calls"]
        steps += len(told["steps"])
        errors += [step["error"] for step in told["steps"] if step["error"]]
        traced += [{name: str(step[name]) for name in TRACED} for step in told["steps"]] if trace else []
        read += body["usage"]["prompt_tokens"]
        written += body["usage"]["completion_tokens"]
    seconds = time.perf_counter() - began
    return Result(
        task=task.name,
        kind=task.kind,
        half=task.half,
        harness=harness,
        wrong=wrong,
        answers=answers,
        calls=calls,
        tokens_in=read,
        tokens_out=written,
        seconds=round(seconds, 1),
        mode=first_mode,
        steps=steps,
        errors=errors,
        trace=traced,
    )

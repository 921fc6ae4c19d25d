"""Runs other harnesses in their own venv, with llama.cpp's OpenAI-compatible server on the same weights."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import xllamacpp

from evals.ours import weights
from evals.results import Result
from evals.task import Task

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
WINDOW = 8192
POLL_SECONDS = 1.0


@contextmanager
def server(model: str) -> Iterator[str]:
    """llama.cpp's server on a free port; yields its base URL."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights(model))
    params.n_ctx, params.n_parallel, params.port = WINDOW, 1, 0
    params.verbosity = -1
    params.use_jinja, params.warmup, params.ui = True, False, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    started = xllamacpp.Server(params)
    yield f"{started.listening_address}/v1"
    del started


def solve(tasks: Sequence[Task], harness: str, model: str) -> Iterator[Result]:
    """All tasks in order, in one process of the peers' venv."""
    if not PYTHON.exists():
        raise SystemExit("The other harnesses are not installed; run `make eval-peers`")
    by_name = {task.name: task for task in tasks}
    with tempfile.TemporaryDirectory() as folder, server(model) as url:
        given, answered = Path(folder) / "tasks.jsonl", Path(folder) / "answers.jsonl"
        given.write_text("".join(_written(task, Path(folder)) for task in tasks), "utf-8")
        script = Path(__file__).parent / "peers" / "run.py"
        command: list[str | Path] = [PYTHON, script, harness, given, answered, "--url", url]
        for line in _lines(command, answered):
            told = json.loads(line)
            yield _judged(by_name[told["name"]], told, harness)


def _lines(command: list[str | Path], path: Path) -> Iterator[str]:
    """The lines that the command appends to the file, as they come. Raises `CalledProcessError` if it fails."""
    path.touch()
    with subprocess.Popen(command, stdout=sys.stderr) as running, path.open(encoding="utf-8") as file:
        try:
            while running.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(POLL_SECONDS)
                yield from iter(file.readline, "")
        finally:
            running.kill()
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)


def _written(task: Task, folder: Path) -> str:
    own = folder / task.name
    own.mkdir()
    for name, content in task.files.items():
        (own / name).write_bytes(content)
    turns = [turn.question for turn in task.turns]
    if task.files:
        turns[0] += f"\nFiles in the working folder: {', '.join(task.files)}"
    return json.dumps({"name": task.name, "turns": turns, "folder": str(own)}) + "\n"


def _judged(task: Task, told: dict[str, object], harness: str) -> Result:
    answers = [str(answer) for answer in told["answers"]]  # type: ignore[attr-defined]
    checks = zip(task.turns, [*answers, *[""] * len(task.turns)], strict=False)
    wrong = f"error: {told['error']}" if told["error"] else next(filter(None, (t.check(a) for t, a in checks)), None)
    return Result(
        task=task.name,
        kind=task.kind,
        half=task.half,
        harness=harness,
        wrong=wrong,
        answers=answers,
        calls=int(str(told["calls"])),
        tokens_in=int(str(told["tokens_in"])),
        tokens_out=int(str(told["tokens_out"])),
        seconds=float(str(told["seconds"])),
        steps=int(str(told["runs"])),
    )

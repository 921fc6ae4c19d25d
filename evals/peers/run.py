"""`run.py HARNESS TASKS.jsonl ANSWERS.jsonl --url URL`: solve tasks with another harness.

A task is `{"name", "turns": [question…], "folder"}`, an answer `{"name", "answers", "calls", "tokens_in", "tokens_out",
"seconds", "runs", "error"}`. Every harness gets the same model, one Python, and the names of the files.
"""

import argparse
import importlib
import json
import time
from pathlib import Path

HARNESSES = ("create_agent", "code_agent")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("harness", choices=HARNESSES)
    options.add_argument("tasks", type=Path)
    options.add_argument("answers", type=Path)
    options.add_argument("--url", required=True)
    given = options.parse_args()
    solve = importlib.import_module(given.harness).answer
    for line in given.tasks.read_text("utf-8").splitlines():
        task = json.loads(line)
        began, error = time.perf_counter(), None
        try:
            answers, calls, read, written, runs = solve(task["turns"], Path(task["folder"]), given.url)
        except Exception as failed:  # noqa: BLE001 (whatever ends another harness is its answer)
            answers, calls, read, written, runs, error = [], 0, 0, 0, 0, f"{type(failed).__name__}: {failed}"
        told = {
            "name": task["name"],
            "answers": answers,
            "calls": calls,
            "tokens_in": read,
            "tokens_out": written,
            "runs": runs,
            "seconds": round(time.perf_counter() - began, 1),
            "error": error,
        }
        with given.answers.open("ab", buffering=0) as file:  # a line is written completely or not at all
            file.write(json.dumps(told, ensure_ascii=False).encode() + b"\n")
        print(task["name"], told["seconds"], error or "", flush=True)


if __name__ == "__main__":
    main()

"""`python -m evals run|router|report`: see docs/evals.md."""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from evals import ours, results, router, theirs
from evals.results import Result
from evals.task import Task
from evals.tasks import all_tasks, da_tasks
from graph import MODES
from llm import catalog
from llm.fetch import FetchError

RESULTS = Path("evals/results")


def chosen(options: argparse.Namespace) -> list[Task]:
    """The tasks of a set and a half, filtered by kind, up to a number per kind."""
    tasks = all_tasks() if options.set == "tasks" else da_tasks()
    tasks = [task for task in tasks if options.half in ("all", task.half)]
    tasks = [task for task in tasks if not options.kind or task.kind in options.kind]
    kinds = dict.fromkeys(task.kind for task in tasks)
    limit = options.limit or len(tasks)
    return [task for kind in kinds for task in [task for task in tasks if task.kind == kind][:limit]]


def named(options: argparse.Namespace) -> Path:
    """The default path of the results."""
    ours = (options.mode, options.protocol, "free" if options.free else "") if options.harness == "ours" else ()
    parts = (options.harness, *ours, options.model, options.set, options.half)
    return RESULTS / f"{'-'.join(filter(None, parts))}.jsonl"


def left(tasks: list[Task], out: Path) -> list[Task]:
    """The tasks that have no result yet: an interrupted run continues."""
    done = {result.task for result in results.load(out)} if out.exists() else set()
    if done:
        tqdm.write(f"{out} already has {len(done)} results; --again starts over.", file=sys.stderr)
    return [task for task in tasks if task.name not in done]


def note(out: Path, progress: Iterable[Result], total: int) -> None:
    for result in tqdm(progress, total=total, file=sys.stderr):
        results.append(out, result)
        tqdm.write(
            f"{'right' if result.wrong is None else 'WRONG'} {result.task} {result.wrong or ''}", file=sys.stderr
        )


async def run_ours(tasks: list[Task], options: argparse.Namespace, out: Path) -> None:
    harness = ", ".join(
        filter(None, (options.mode, options.protocol, "no grammar" if options.free else "", options.model))
    )
    async with ours.service(options.model, options.protocol, held=not options.free) as started:
        for task in tqdm(tasks, file=sys.stderr):
            result = await ours.solve(task, started, options.mode, harness, trace=options.trace)
            note(out, [result], 1)


def parser() -> argparse.ArgumentParser:
    default, entries = catalog.load()
    chat_models = [name for name, entry in entries.items() if not entry.folder]
    options = argparse.ArgumentParser(prog="python -m evals")
    commands = options.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="solve tasks; one line of JSON per task")
    run.add_argument("--harness", choices=("ours", "create_agent", "code_agent"), default="ours")
    run.add_argument("--mode", choices=tuple(MODES), default="react")
    run.add_argument("--protocol", choices=("text", "native"), default="text")
    run.add_argument("--out", type=Path, help="where to write results (default: evals/results/…)")
    run.add_argument("--again", action="store_true", help="start over instead of continuing an interrupted run")
    run.add_argument("--trace", action="store_true", help="also keep the programs and their output (own modes only)")
    run.add_argument("--free", action="store_true", help="do not constrain replies with grammars (own modes only)")
    asked = commands.add_parser("router", help="check whether the router's choice fits the kind")
    asked.add_argument("--forms", action="store_true", help="only the model's word, with and without a grammar")
    for command in (run, asked):
        command.add_argument("--set", choices=("tasks", "da"), default="tasks")
        command.add_argument("--half", choices=("dev", "test", "all"), default="dev")
        command.add_argument("--kind", action="append", help="only this kind; can be repeated")
        command.add_argument("--limit", type=int, help="maximum number of tasks per kind")
        command.add_argument("--model", default="", choices=chat_models, help=f"the embedded one (default: {default})")
    report = commands.add_parser("report", help="print tables of results")
    report.add_argument("files", type=Path, nargs="+")
    return options


def main() -> None:
    given = parser().parse_args()
    if given.command == "report":
        found = [result for file in given.files for result in results.load(file)]
        print(results.table(found), results.failures(found), sep="\n\n")
        return
    try:
        work(given)
    except FetchError as error:
        sys.exit(f"evals: {error}")


def work(given: argparse.Namespace) -> None:
    """Run the router or solve tasks. Raises `FetchError` if the model's weights cannot be downloaded."""
    tasks = chosen(given)
    if given.command == "router":
        judge = router.forms if given.forms else router.agreement
        print(asyncio.run(judge(tasks, given.model)))
        return
    out = given.out or named(given)
    if given.again:
        out.unlink(missing_ok=True)
    tasks = left(tasks, out)
    if not tasks:
        tqdm.write("No tasks are left.", file=sys.stderr)
    elif given.harness == "ours":
        asyncio.run(run_ours(tasks, given, out))
    else:
        note(out, theirs.solve(tasks, given.harness, given.model), len(tasks))
    print(results.table(results.load(out)))


if __name__ == "__main__":
    main()

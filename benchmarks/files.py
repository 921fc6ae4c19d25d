"""The cost of reading files: `python -m benchmarks.files [--megabytes N]` prints the table in `docs/benchmarks.md`.

Each file is read as the service does, in a worker process. Memory is what the worker needed in addition to the loaded
libraries, which it shares with the fork server.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openpyxl

from benchmarks.file_jobs import nothing, peak_of
from tests.tools.files import corpus
from tools.files.reader import PRELOAD
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings

RUNS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one task: seconds that the service waits for it, maximum memory in bytes."""

    seconds: float
    memory: int


def big_csv(path: Path, megabytes: int) -> None:
    """Orders with a date, texts, integers and numbers, some missing."""
    chance = random.Random(1)
    shares = ["", *(f"{chance.random():.4f}" for _ in range(50))]
    rows = [
        f"2024-{at % 12 + 1:02}-{at % 28 + 1:02},{chance.choice(('North', 'South', 'East', 'West'))},"
        f"customer-{chance.randrange(10_000)},{chance.randrange(1000)},{chance.choice(shares)}\n"
        for at in range(20_000)
    ]
    block = "".join(rows).encode()
    with path.open("wb") as file:
        file.write(b"day,region,customer,units,share\n")
        for _ in range(max(1, (megabytes << 20) // len(block))):
            file.write(block)


def big_workbook(path: Path, sheets: int, rows: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    for number in range(1, sheets + 1):
        sheet = book.create_sheet(f"Sheet {number}")
        sheet.append([f"column {at}" for at in range(10)])
        for row in range(rows):
            sheet.append([row * at for at in range(10)])
    book.save(path)


def made(folder: Path, make: Callable[[Path], object]) -> Path:
    """Let `make` write a file with the extension that it is named after."""
    make(folder / "file")
    (path,) = folder.iterdir()
    return path


async def cost(workers: Workers, path: Path, question: str) -> Cost:
    seconds, memory = [], 0
    for _ in range(RUNS):
        began = time.perf_counter()
        memory = max(memory, await workers.run(peak_of, path, question, seconds=120))
        seconds.append(time.perf_counter() - began)
    return Cost(statistics.median(seconds), memory)


async def main(megabytes: int) -> None:
    """Print the table."""
    makers: dict[str, Callable[[Path], object]] = {
        "CSV, small": lambda path: path.with_suffix(".csv").write_text(corpus.SALES),
        f"CSV, {megabytes} MB (sampled)": lambda path: big_csv(path.with_suffix(".csv"), megabytes),
        "CSV, 15 MB (whole)": lambda path: big_csv(path.with_suffix(".csv"), 15),
        "Excel, three small sheets": lambda path: path.with_suffix(".xlsx").write_bytes(corpus.workbook()),
        "Excel, 2 × 20,000 × 10 cells": lambda path: big_workbook(path.with_suffix(".xlsx"), 2, 20_000),
        "Excel, 200,000 × 10 cells": lambda path: big_workbook(path.with_suffix(".xlsx"), 1, 200_000),
        "Parquet, small": lambda path: path.with_suffix(".parquet").write_bytes(corpus.parquet()),
        "JSON, nested": lambda path: path.with_suffix(".json").write_bytes(corpus.CORPUS["orders.json"]()),
        "PDF, 3 pages": lambda path: path.with_suffix(".pdf").write_bytes(corpus.pdf()),
        "PDF, 200 pages": lambda path: path.with_suffix(".pdf").write_bytes(corpus.pdf(200)),
        "Word": lambda path: path.with_suffix(".docx").write_bytes(corpus.word()),
        "PowerPoint": lambda path: path.with_suffix(".pptx").write_bytes(corpus.slides()),
        "picture": lambda path: path.with_suffix(".png").write_bytes(corpus.picture()),
    }
    workers = Workers(WorkerSettings(read_seconds=120), preload=(*PRELOAD, "benchmarks.file_jobs"))
    try:
        await workers.run(nothing)
        empty = []
        for _ in range(40):
            began = time.perf_counter()
            await workers.run(nothing)
            empty.append((time.perf_counter() - began) * 1000)
        print(f"an empty task: {statistics.median(empty):.0f} ms, p95 {sorted(empty)[37]:.0f} ms\n")
        print("| file | size | profile s | memory MB | sections s | memory MB |\n|---|---|---|---|---|---|")
        for name, make in makers.items():
            with tempfile.TemporaryDirectory() as folder:
                path = await asyncio.to_thread(made, Path(folder), make)
                profile, text = await cost(workers, path, "profile"), await cost(workers, path, "sections")
                size = path.stat().st_size / 1e6
                print(
                    f"| {name} | {size:.3g} MB | {profile.seconds:.2f} | {profile.memory / 1e6:.0f} "
                    f"| {text.seconds:.2f} | {text.memory / 1e6:.0f} |"
                )
                sys.stdout.flush()
    finally:
        await workers.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the large CSV file")
    asyncio.run(main(parser.parse_args().megabytes))

"""Broken files, derived from the good ones: `python -m tests.tools.files.mutation INPUTS [SEED]` reads many in
workers.
"""

import asyncio
import io
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.tools.files.corpus import CORPUS
from tools.files.profile import FileUnreadable
from tools.files.reader import PRELOAD, FileReader
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings

Change = tuple[str, float, bytes]
"""What is done, how far into the file, with which bytes."""
KINDS = ("replace", "insert", "remove", "repeat", "cut", "zero", "text")
WORDS = (
    *(b"-1", b"0", b"99999999999999999999", b"\xff\xfe", b"\0" * 8, b"%%EOF", b"endobj", b"/Kids", b"<<", b"]]", b'"'),
    *(b"\n", b",,,,", b"<a>", b"</row>", b"&x;", b"NaN", b"{", b"[", b"\xed\xa0\x80", b"../../", b"1e999", b"0x", b";"),
)


def mutated(data: bytes, changes: Sequence[Change]) -> bytes:
    """In an archive, one member is changed as often as the archive itself; otherwise only checksums would be tested."""
    for at, (kind, place, given) in enumerate(changes):
        if data.startswith(b"PK") and at % 3 != 2:
            data = _in_member(data, kind, place, given)
        else:
            data = _changed(data, kind, place, given)
    return data


def _changed(data: bytes, kind: str, place: float, given: bytes) -> bytes:
    at = int(place * len(data))
    size = max(1, len(given))
    before, there, after = data[:at], data[at : at + size], data[at + size :]
    match kind:
        case "replace":
            return before + given + after
        case "insert":
            return before + given + there + after
        case "remove":
            return before + after[size * 7 :]
        case "repeat":
            return before + there * 50 + after
        case "cut":
            return before
        case "zero":
            return before + bytes(size * 4) + after
        case _:
            return before + WORDS[sum(given) % len(WORDS)] + there + after


def _in_member(data: bytes, kind: str, place: float, given: bytes) -> bytes:
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            names = old.namelist()
            chosen = names[sum(given) * 31 % len(names)] if names else ""
            for name in names:
                content = old.read(name)
                new.writestr(name, _changed(content, kind, place, given) if name == chosen else content)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError):
        return _changed(data, kind, place, given)
    return out.getvalue()


def drawn(chance: random.Random) -> list[Change]:
    """Random changes, mostly few."""
    count = min(8, 1 + int(chance.expovariate(0.7)))
    return [(chance.choice(KINDS), chance.random(), chance.randbytes(chance.randint(1, 8))) for _ in range(count)]


async def main(inputs: int, seed: int) -> None:
    """Print the results of this many mutated files, and keep those that broke a worker."""
    chance = random.Random(seed)
    workers = Workers(WorkerSettings(read_seconds=20), preload=PRELOAD)
    reader = FileReader(workers)
    outcomes: Counter[str] = Counter()
    originals = {name: make() for name, make in CORPUS.items()}
    began = time.perf_counter()

    async def one(folder: Path, number: int) -> None:
        name = chance.choice(list(originals))
        data = mutated(originals[name], drawn(chance))
        path = folder / f"{number}-{name}"
        path.write_bytes(data)
        try:
            found = await reader.profile(path)
            await reader.text(path, lambda _: None, 0)
            outcomes[f"read as {found.kind}"] += 1
        except FileUnreadable as error:
            outcomes[str(error)[:60]] += 1
            if "not what its name says" in str(error) or "too" in str(error):
                sys.stdout.write(f"kept: {path.name}: {error}\n")
                await asyncio.to_thread(Path(tempfile.gettempdir(), f"fuzz-{path.name}").write_bytes, data)
        await asyncio.to_thread(path.unlink)

    try:
        with tempfile.TemporaryDirectory() as folder:
            for start in range(0, inputs, 16):
                await asyncio.gather(*(one(Path(folder), at) for at in range(start, min(start + 16, inputs))))
    finally:
        await workers.aclose()
    for outcome, count in outcomes.most_common():
        sys.stdout.write(f"{count:7,}  {outcome}\n")
    sys.stdout.write(f"{inputs:,} inputs, seed {seed}, {time.perf_counter() - began:.0f} s\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))

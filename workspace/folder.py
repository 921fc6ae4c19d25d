"""The files of one session's folder."""

import mimetypes
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 2000
"""Further files in a folder are ignored."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """Enough data about a file to detect changes."""

    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as shown by the API."""

    name: str
    bytes: int
    mime: str


def list_files(folder: Path) -> dict[str, FileMark]:
    """Regular files in `folder` by relative path; no links, no hidden files, at most `MAX_FILES`."""
    marks: dict[str, FileMark] = {}
    for entry in _walk(folder):
        if len(marks) >= MAX_FILES:
            break
        try:
            stat = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # deleted since the listing
        name = str(Path(entry.path).relative_to(folder))
        if _is_text(name):
            marks[name] = FileMark(stat.st_size, stat.st_mtime_ns)
    return marks


def file_infos(folder: Path, names: Iterable[str] | None = None) -> list[FileInfo]:
    """The folder's files, oldest first; files that disappear in the meantime are skipped. `names` filters them."""
    marks = list_files(folder)
    wanted = set(marks) if names is None else set(names) & set(marks)
    return [FileInfo(n, marks[n].size, _mime(n)) for n in sorted(wanted, key=lambda n: (marks[n].modified_ns, n))]


def changed_files(before: dict[str, FileMark], after: dict[str, FileMark]) -> list[str]:
    """Names that are new or whose file has changed."""
    return [name for name, mark in after.items() if before.get(name) != mark]


def file_info(folder: Path, name: str) -> FileInfo:
    """Raises OSError if the file does not exist."""
    return FileInfo(name=name, bytes=(folder / name).stat(follow_symlinks=False).st_size, mime=_mime(name))


def regular_file(folder: Path, name: str) -> FileInfo:
    """Raises OSError if there is no such file or it is not a regular file."""
    if not (folder / name).is_file():
        raise FileNotFoundError(name)
    return file_info(folder, name)


def give_to_owner(descriptor: int, folder: Path) -> None:
    """Make the folder's owner the owner of an open file in it: a kernel of another user can then change the file."""
    owner = folder.stat()
    if owner.st_uid != os.fstat(descriptor).st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _mime(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _is_text(name: str) -> bool:
    """File names are bytes; those that are not UTF-8 can be neither shown nor requested."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry
        except OSError:
            continue  # a folder that the session made unreadable or deleted in the meantime

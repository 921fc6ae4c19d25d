"""A private copy of a document, so that what is hashed is what is read.

A session's folder belongs to a program that may put a link to somebody else's file where a document was a moment
ago. So no link is followed on the way, and the copy is what everything else looks at.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workspace.safe_open import open_inside

DOCUMENTS = frozenset(("pdf", "docx", "pptx", "html", "htm", "md", "markdown", "txt", "text", "rst"))
"""Endings of what is searched. Tables and images have tools of their own."""
MAX_SEEN = 20_000
"""Documents of one folder that are looked at."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """Enough of a file to see that it may have changed. A program can set all of it but `changed_ns`."""

    size: int
    modified_ns: int
    changed_ns: int


def marks(folder: Path, limit: int) -> dict[str, Mark]:
    """The newest `limit` documents below `folder` by relative path, the newest first; no links, nothing hidden."""
    found = dict(islice(_documents(str(folder)), MAX_SEEN))
    newest = sorted(found, key=lambda name: (-found[name].modified_ns, name))
    return {name: found[name] for name in newest[:limit]}


def _documents(folder: str) -> Iterator[tuple[str, Mark]]:
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(os.path.join(folder, below)) as entries:  # noqa: PTH118 (thousands of them)
                for entry in entries:
                    name = f"{below}{entry.name}"
                    if entry.name.startswith(".") or not _is_text(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{name}/")
                    elif name.rpartition(".")[2].lower() in DOCUMENTS and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield name, Mark(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except OSError:
            continue  # a folder or a file that is gone meanwhile, or may not be looked at


def _is_text(name: str) -> bool:
    """Names are bytes; those that are no UTF-8 can be neither shown nor asked for."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def take(folder: Path, name: str, target: Path, limit: int) -> str:
    """Copy the document to `target`; the sha256 of what was copied, which is at most `limit` bytes and one chunk.

    Raises OSError, also for links on the way.
    """
    digest = hashlib.sha256()
    with open_inside(folder, name) as source, target.open("xb") as copy:
        while copy.tell() <= limit and (chunk := source.read(_CHUNK)):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()

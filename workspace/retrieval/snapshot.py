"""A private copy of a document, so that what is hashed is what is read.

A session's folder belongs to a program that may put a link to somebody else's file where a document was a moment
ago. So no link is followed on the way, and the copy is what everything else looks at.
"""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from workspace.reading import open_file

DOCUMENTS = frozenset(("pdf", "docx", "pptx", "html", "htm", "md", "markdown", "txt", "text", "rst"))
"""Endings of what is searched. Tables and images have tools of their own."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """Enough of a file to see that it may have changed. A program can set all of it but `changed_ns`."""

    size: int
    modified_ns: int
    changed_ns: int


def marks(folder: Path, names: list[str], limit: int) -> dict[str, Mark]:
    """The newest `limit` documents among `names`, the newest first."""
    found = {}
    for name in names:
        if name.rpartition(".")[2].lower() not in DOCUMENTS:
            continue
        try:
            status = (folder / name).stat(follow_symlinks=False)
        except OSError:
            continue  # gone meanwhile
        if stat.S_ISREG(status.st_mode):
            found[name] = Mark(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    newest = sorted(found, key=lambda name: (-found[name].modified_ns, name))
    return {name: found[name] for name in newest[:limit]}


def take(folder: Path, name: str, target: Path, limit: int) -> str:
    """Copy the document to `target`; the sha256 of what was copied, which is at most `limit` bytes and one chunk.

    Raises OSError, also for links on the way, and `BadNameError`.
    """
    digest = hashlib.sha256()
    with open_file(folder, name) as source, target.open("xb") as copy:
        while copy.tell() <= limit and (chunk := source.read(_CHUNK)):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()

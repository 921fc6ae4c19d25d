"""Copies a document to a private place, so that what is hashed is what is read.

A session's programs can replace a document with a link to another user's file at any time. So links are never followed,
and everything else reads only the copy.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workspace.safe_open import open_inside

DOCUMENTS = frozenset(
    (
        *("pdf", "html", "htm", "xhtml", "md", "markdown", "txt", "text", "rst", "rtf", "epub", "eml", "msg", "mht"),
        *("mhtml", "doc", "docx", "docm", "dot", "dotx", "dotm", "odt", "ott"),
        *("ppt", "pptx", "pptm", "pps", "ppsx", "ppsm", "potx", "potm", "odp", "otp"),
    )
)
"""Extensions of documents. Those that cannot be read are reported with the reason. Tables have their own tool."""
SCANS = frozenset(("tif", "tiff"))
"""Extensions of images that may have several pages."""
IMAGES = frozenset(("png", "jpg", "jpeg", "webp", "bmp", "gif"))
"""Extensions of other images. Only a user's own are searched: those of a session are mostly charts of its programs."""
MAX_SEEN = 20_000
"""Maximum number of documents of one folder that are considered."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """Enough data to detect a change of the file. A program can set all of it except `changed_ns`."""

    size: int
    modified_ns: int
    changed_ns: int


def marks(folder: Path, limit: int, extensions: Collection[str] = DOCUMENTS) -> dict[str, Mark]:
    """The newest `limit` files in `folder` with these extensions by relative path, newest first; no links, no hidden
    files.
    """
    found = dict(islice(_documents(str(folder), extensions), MAX_SEEN))
    newest = sorted(found, key=lambda name: (-found[name].modified_ns, name))
    return {name: found[name] for name in newest[:limit]}


def _documents(folder: str, extensions: Collection[str]) -> Iterator[tuple[str, Mark]]:
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
                    elif name.rpartition(".")[2].lower() in extensions and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield name, Mark(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except OSError:
            continue  # deleted in the meantime, or not readable


def _is_text(name: str) -> bool:
    """Names are bytes; those that are not UTF-8 can be neither shown nor requested."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def take(folder: Path, name: str, target: Path, limit: int) -> str:
    """Copy the document to `target`; returns the sha256 of the copy, which is at most `limit` bytes and one chunk.

    Raises OSError, also for links in the path.
    """
    digest = hashlib.sha256()
    with open_inside(folder, name) as source, target.open("xb") as copy:
        while copy.tell() <= limit and (chunk := source.read(_CHUNK)):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()

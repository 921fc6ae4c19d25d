"""File names: the person's own name is kept, as far as a folder can hold it, and found again in other spellings."""

import re
import unicodedata
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from workspace.errors import BadNameError

MAX_BYTES = 240
"""Longest name in bytes of UTF-8, with room for a number. Linux allows 255."""
MAX_SUFFIX = 16
# A joiner between letters or emoji is part of the text; the other invisible characters could disguise a name.
_JOINERS = "\u200c\u200d"
_BLANK = re.compile(r"\s+")
_QUOTES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'") | dict.fromkeys("\u201c\u201d\u201e\u2033", '"')
)
_MINUS = "\u2212"
_FORMER_BYTES = 120
_FORMERLY_UNSAFE = re.compile(r"[^\w.\-() ]+")
_SEPARATORS = re.compile(r"[\W_]+")
_NO_NAME = re.compile(r"[\x00/\\]")
_UPWARDS = re.compile(r"\x00|(^|[/\\])\.\.([/\\]|$)")
_EDGES = re.compile(r"^[\s.]+|[\s.]+$")
_Key = Callable[[str], str]


def safe_name(label: str) -> str:
    """The label as a file name in NFC: without folders, control and direction marks, and dots or blanks at the ends.

    Never empty and at most `MAX_BYTES` bytes of UTF-8; the suffix is kept.
    """
    return _within_limit(_EDGES.sub("", visible(_without_folders(label))), MAX_BYTES)


def _without_folders(label: str) -> str:
    """In NFC, of a Windows path too."""
    return unicodedata.normalize("NFC", label).replace("\\", "/").rpartition("/")[2]


def visible(text: str) -> str:
    """The text without control characters, line ends, direction marks, halves of surrogate pairs and the like."""
    return "".join(c for c in text if c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Zs")


def _within_limit(name: str, most: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    suffix = suffix[:MAX_SUFFIX]
    room = most - len((dot + suffix).encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip() or "file"
    return (stem + dot + suffix).rstrip(". ")


def free_name(folder: Path, label: str, taken: Container[str] = ()) -> str:
    """`safe_name`, numbered if the folder has that name or it is in `taken`."""
    name = safe_name(label)
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    number = 1
    while name in taken or (folder / name).exists() or (folder / name).is_symlink():
        number += 1
        name = f"{stem}-{number}{dot}{suffix}"
    return name


def is_simplified(name: str, label: str) -> bool:
    """Whether an earlier version of the service stored the file `label` under `name`, which it would keep today."""
    stem, _, suffix = _former(label).rpartition(".")
    former = re.compile(rf"{re.escape(stem)}(-\d+)?\.{re.escape(suffix)}" if stem else rf"{re.escape(suffix)}(-\d+)?")
    return _former(label) != safe_name(label) and former.fullmatch(name) is not None


class Names:
    """File names among which one is looked up in the spelling of a person or a model."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._tables: dict[_Key, dict[str, list[str]]] = {}

    def same(self, asked: str) -> str | None:
        """The name that `asked` spells: as it is, as it would be stored, with other blanks, dashes or quotes, or as
        earlier versions of the service stored it. None if there is none, the spelling fits several, or it is a path or
        has a NUL.
        """
        if _NO_NAME.search(asked):
            return None
        return self._first(asked, (str, safe_name, as_typed, _former))

    def similar(self, asked: str) -> str | None:
        """Like `same`; also in another case, in quotes, in a folder, or with other separators between the words. Not in
        a folder above another.
        """
        if _UPWARDS.search(asked):
            return None
        wanted = asked.strip().strip("`'\"").removeprefix("./")
        return self.same(asked) or self._first(wanted, (str, safe_name, as_typed, _former, _folded, _words))

    def _first(self, asked: str, keys: Iterable[_Key]) -> str | None:
        if not _EDGES.sub("", visible(asked)):
            return None
        for key in keys:
            wanted = key(asked)
            if found := self._table(key).get(wanted):
                return found[0] if len(found) == 1 else None
        return None

    def _table(self, key: _Key) -> dict[str, list[str]]:
        if key not in self._tables:
            table = self._tables[key] = {}
            for name in self._names:
                for spelled in {name, key(name)}:
                    table.setdefault(spelled, []).append(name)
        return self._tables[key]


def as_typed(name: str) -> str:
    """As typed on a plain keyboard: ordinary blanks, hyphens and straight quotes."""
    text = unicodedata.normalize("NFKC", visible(name)).translate(_QUOTES)
    text = "".join("-" if c == _MINUS or unicodedata.category(c) == "Pd" else c for c in text)
    return _BLANK.sub(" ", text).strip()


def _former(name: str) -> str:
    """The name that earlier versions of the service stored."""
    printable = "".join(c for c in _without_folders(name) if c.isprintable())
    return _within_limit(_FORMERLY_UNSAFE.sub("_", printable).strip(" ._"), _FORMER_BYTES)


def _folded(name: str) -> str:
    return as_typed(name).casefold()


def _words(name: str) -> str:
    stem, dot, suffix = _folded(name).rpartition(".")
    return _SEPARATORS.sub(" ", stem).strip() + dot + suffix


def inside(folder: Path, relative: str) -> Path:
    """The file `relative` in `folder`. Raises `BadNameError` if the path leads outside, also by a link."""
    if not relative or "\0" in relative:
        raise BadNameError("not a file name")
    try:
        path = (folder / relative).resolve()
    except (OSError, RuntimeError) as error:
        raise BadNameError("not a file name") from error
    if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise BadNameError("this path is outside of the session's folder")
    return path

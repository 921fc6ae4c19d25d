"""RTF: the text of its body, its notes and its comments.

`striprtf` decodes the text. It knows neither deleted nor hidden text, and drops notes, so the groups are sorted first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from striprtf.striprtf import rtf_to_text

MAX_BYTES = 64 << 20
_NOTES = {"footnote": "Footnote", "annotation": "Comment"}
_MARGINS = {
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "Header"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "Footer"),
}
_SKIPPED = frozenset(("pict", "objdata", "themedata", "colorschememapping", "datastore", "listtable", "stylesheet"))
_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]+)(?P<number>-?\d+)? ?|\\'[0-9a-fA-F]{2}|\\[^a-zA-Z]|[{}]|[^\\{}]+|\\", re.DOTALL
)
_DESTINATION = re.compile(r"(?:\s*\\\*)?\s*\\([a-z]+)")
_CODE_PAGE = re.compile(r"\\ansicpg\d+")
_FONTS = re.compile(r"\{\\fonttbl(?:[^{}]|\{[^{}]*\})*\}")
_TEXT_WORDS = ("u", "tab", "line", "emdash", "endash", "bullet")
_HIDDEN_BEGIN, _HIDDEN_END = "[Hidden text: ", "]"


@dataclass(slots=True)
class _Group:
    """An open group: where its text goes, and how it is formatted."""

    to: list[str]
    destination: str = ""
    """The word that makes striprtf skip the group, if it is to be read."""
    deleted: bool = False
    hidden: bool = False


@dataclass(slots=True)
class _Parts:
    """The RTF of the body, and of each note and margin with its label."""

    body: list[str] = field(default_factory=list)
    notes: list[tuple[str, list[str]]] = field(default_factory=list)
    author: list[str] = field(default_factory=list)


def is_rtf(data: bytes) -> bool:
    return data.startswith(b"{\\rtf")


def rtf_text(data: bytes) -> str:
    """The text; footnotes and comments in brackets, different headers and footers once, at the end."""
    text = data[:MAX_BYTES].decode("latin-1")
    parts = _sorted(text)
    page, fonts = _CODE_PAGE.search(text), _FONTS.search(text)
    head = "{\\rtf1\\ansi" + (page[0] if page else "") + (fonts[0] if fonts else "")
    lines = [_plain("".join(parts.body))]
    for label, pieces in parts.notes:
        found = _plain(f"{head} {''.join(pieces)}}}").strip()
        if found:
            in_margin = label in _MARGINS.values()
            lines.append(f"{label}: {found}" if in_margin else f"[{label}: {found}]")
    return "\n".join(dict.fromkeys(lines)).strip()


def _plain(rtf: str) -> str:
    text = rtf_to_text(rtf, errors="replace")
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "\n".join(line.strip().rstrip("|").rstrip() for line in text.split("\n"))


def _sorted(text: str) -> _Parts:
    parts = _Parts()
    groups = [_Group(parts.body)]
    for match in _tokens(text):
        piece, group = match[0], groups[-1]
        if piece == "{":
            groups.append(_opened(group, text, match.end(), parts))
            groups[-1].to.append("{")
        elif piece == "}":
            if len(groups) > 1:
                _close(groups.pop(), groups[-1])
        elif match["word"]:
            _format(group, match["word"], match["number"])
            if match["word"] != group.destination and not (group.deleted and match["word"] in _TEXT_WORDS):
                group.to.append(piece)
        elif not group.deleted and not (group.destination and piece == "\\*"):
            group.to.append(piece)
    return parts


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while match := _TOKEN.match(text, at):
        binary = match["word"] == "bin" and match["number"] is not None
        at = match.end() + (max(0, int(match["number"])) if binary else 0)
        if not binary:
            yield match


def _opened(outer: _Group, text: str, at: int, parts: _Parts) -> _Group:
    found = _DESTINATION.match(text, at, at + 40)
    name = found[1] if found else ""
    inner = _Group(outer.to, deleted=outer.deleted, hidden=outer.hidden)
    if name in _SKIPPED:
        inner.to = []
    elif name == "atnauthor":
        parts.author = inner.to = []
        inner.destination = name
    elif label := _NOTES.get(name) or _MARGINS.get(name):
        if name == "annotation" and (author := _plain("{" + "".join(parts.author) + "}").strip()):
            label = f"Comment by {author}"
        inner.to, inner.destination = [], name
        parts.notes.append((label, inner.to))
    return inner


def _close(inner: _Group, outer: _Group) -> None:
    if inner.hidden and not outer.hidden:
        inner.to.append(_HIDDEN_END)
    inner.to.append("}")


def _format(group: _Group, word: str, number: str | None) -> None:
    """Follow the formatting that decides what is displayed."""
    if word == "deleted":
        group.deleted = number != "0"
    elif word in ("v", "plain"):
        hidden = word == "v" and number != "0"
        if hidden != group.hidden:
            group.to.append(f" {_HIDDEN_BEGIN}" if hidden else _HIDDEN_END)
        group.hidden = hidden

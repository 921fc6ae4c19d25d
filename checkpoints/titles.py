"""Plain text for storing and searching, and titles."""

import re
import unicodedata

MAX_TITLE = 80
MAX_READ = 20_000
_ONE_LINE = 500
_FENCE = re.compile(r"(```|~~~).*?(\1|\Z)", re.DOTALL)
_MARKUP = re.compile(r"^\s{0,3}(?:#{1,6}|>|[-*+]|\d{1,3}[.)])\s+", re.MULTILINE)
_SENTENCE = re.compile(r".+?[.!?](?=\s)|.+?[\u3002\uff01\uff1f]")
_SHORTEST = 12
"""A first sentence shorter than this ("Hi.") is not enough for a title."""


def plain(text: str) -> str:
    """Removes NUL, at which SQLite's text functions stop, and halves of surrogate pairs."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def title_of(question: str) -> str:
    """The first sentence of `question` in one line, without code blocks, list or heading marks; at most `MAX_TITLE`
    characters. Empty only if nothing in it is printable.
    """
    question = question[:MAX_READ]
    prose = _line(_MARKUP.sub("", _FENCE.sub(" ", question)))
    line = prose or _line(question.replace("`", " "))
    return shortened(_first_sentence(line[:_ONE_LINE]))


def shortened(text: str) -> str:
    """One line of at most `MAX_TITLE` characters, cut between words if possible."""
    line = _line(text)
    if len(line) <= MAX_TITLE:
        return line
    cut = line[: MAX_TITLE - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > MAX_TITLE // 2 else cut).rstrip(" ,;:.") + "…"


def _first_sentence(line: str) -> str:
    end = 0
    for sentence in _SENTENCE.finditer(line):
        end = sentence.end()
        if end >= _SHORTEST:
            break
    return line[:end] if end >= _SHORTEST else line


def _line(text: str) -> str:
    """Only printable characters, with runs of whitespace collapsed."""
    return " ".join("".join(c if _shown(c) else " " for c in text).split())


def _shown(character: str) -> bool:
    # Emoji and some scripts need joiners; other invisible characters could mislead a reader.
    return character in "\u200c\u200d" or unicodedata.category(character)[0] != "C"

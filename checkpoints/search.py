"""Search words as SQL conditions on a user's sessions.

A word is found anywhere in a title or a message, also inside longer words, as Korean requires: its particles are
attached to the words. SQLite's trigram index handles words of three or more characters; for shorter ones, the user's
messages are scanned.
"""

from dataclasses import dataclass

from checkpoints.titles import plain

MAX_WORDS = 8
_TRIGRAM = 3
_TITLE = "s.title LIKE ? ESCAPE '\\'"
_INDEXED = (
    "s.id IN (SELECT p.session FROM passages_index JOIN passages p ON p.id = passages_index.rowid"
    " WHERE passages_index MATCH ?)"
)
_SCANNED = "EXISTS (SELECT 1 FROM passages p WHERE p.session = s.id AND p.text LIKE ? ESCAPE '\\')"


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL on the table `sessions s`, built only from constants, and the values of its parameters."""

    sql: str
    values: tuple[str, ...]


def condition(query: str) -> Condition:
    """Matches all of the first `MAX_WORDS` words of `query`, as plain text: FTS5 and LIKE syntax has no effect."""
    parts: list[str] = []
    values: list[str] = []
    for word in plain(query).split()[:MAX_WORDS]:
        found, value = (_INDEXED, _phrase(word)) if len(word) >= _TRIGRAM else (_SCANNED, _like(word))
        parts.append(f"({_TITLE} OR {found})")
        values += [_like(word), value]
    return Condition(" AND ".join(parts) or "TRUE", tuple(values))


def _phrase(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _like(word: str) -> str:
    for special in "\\%_":
        word = word.replace(special, "\\" + special)
    return f"%{word}%"

"""Words of a search, as conditions on a user's own sessions.

A word is found anywhere in a title or a message, inside longer words too, which is what Korean needs: its particles
grow onto the words. SQLite's trigram index finds words of three characters and more; shorter ones are looked for
in the user's own messages one by one.
"""

from dataclasses import dataclass

from checkpoints.text import plain

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
    """SQL on the table `sessions s`, made of constants alone, and what its question marks stand for."""

    sql: str
    values: tuple[str, ...]


def condition(query: str) -> Condition:
    """Every one of the first `MAX_WORDS` words of `query`, as plain text: no syntax of FTS5 or LIKE gets through."""
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

"""Finds tables that belong together: columns with the same name most likely have the same meaning."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

MAX_LINKS = 4
MAX_SHARED = 3


@dataclass(frozen=True, slots=True)
class Linked:
    """A table: its column names, and the expression that reads it."""

    columns: tuple[str, ...]
    read: str


def links(tables: Mapping[str, Linked]) -> list[str]:
    """A line for each pair of tables that share columns, with the code that combines them."""
    lines = []
    for (first, one), (second, other) in combinations(tables.items(), 2):
        shared = _shared(one, other)
        if _same(one, other):
            both = f"df = pd.concat([{one.read}, {other.read}])"
            lines.append(f"{first} and {second} have the same columns; both together: {both}")
        elif shared:
            joined = f"df = {_joined(one, other, shared[0])}"
            lines.append(f"{first} and {second} share {', '.join(shared[:MAX_SHARED])}; joined: {joined}")
    return lines[:MAX_LINKS]


def joins(tables: Mapping[str, Linked]) -> Iterator[Linked]:
    """Each pair of tables with shared but not identical columns, joined on the first shared one."""
    for one, other in combinations(tables.values(), 2):
        shared = _shared(one, other)
        if shared and not _same(one, other):
            once = [name for name in (*one.columns, *other.columns) if name not in shared[1:]]
            yield Linked(tuple(dict.fromkeys(once)), _joined(one, other, shared[0]))


def _shared(one: Linked, other: Linked) -> list[str]:
    return [name for name in one.columns if name in other.columns]


def _same(one: Linked, other: Linked) -> bool:
    return set(one.columns) == set(other.columns)


def _joined(one: Linked, other: Linked, key: str) -> str:
    return f"{one.read}.merge({other.read}, on={key!r})"

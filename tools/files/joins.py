"""Finds tables that belong together: columns with the same name most likely have the same meaning."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

MAX_LINKS = 4
MAX_SHARED = 3


@dataclass(frozen=True, slots=True)
class Linked:
    """A table: its column names, and the expression that reads it."""

    columns: tuple[str, ...]
    read: str
    setup: str = ""
    """What the expression needs before it: `import json`."""
    texts: tuple[str, ...] = ()
    """The columns with texts."""

    @property
    def load(self) -> str:
        """The line that reads it into `df`."""
        return f"{self.setup}; df = {self.read}" if self.setup else f"df = {self.read}"


def links(tables: Mapping[str, Linked]) -> list[str]:
    """A line for each pair of tables that share columns, with the code that combines them."""
    lines = []
    for (first, one), (second, other) in combinations(tables.items(), 2):
        shared = _shared(one, other)
        if _same(one, other):
            both = replace(one, read=f"pd.concat([{one.read}, {other.read}])", setup=_setup(one, other))
            lines.append(f"{first} and {second} have the same columns; both together: {both.load}")
        elif shared:
            joined = replace(one, read=_joined(one, other, shared[0]), setup=_setup(one, other))
            lines.append(f"{first} and {second} share {', '.join(shared[:MAX_SHARED])}; joined: {joined.load}")
    return lines[:MAX_LINKS]


def joins(tables: Mapping[str, Linked]) -> Iterator[Linked]:
    """Each pair of tables with shared but not identical columns, joined on the first shared one."""
    for one, other in combinations(tables.values(), 2):
        shared = _shared(one, other)
        if shared and not _same(one, other):
            once = [name for name in (*one.columns, *other.columns) if name not in shared[1:]]
            yield Linked(tuple(dict.fromkeys(once)), _joined(one, other, shared[0]), _setup(one, other))


def _shared(one: Linked, other: Linked) -> list[str]:
    return [name for name in one.columns if name in other.columns]


def _same(one: Linked, other: Linked) -> bool:
    return set(one.columns) == set(other.columns)


def _setup(one: Linked, other: Linked) -> str:
    return one.setup or other.setup


def _joined(one: Linked, other: Linked, key: str) -> str:
    return f"{one.read}.merge({other.read}, on={key!r})"

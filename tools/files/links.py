"""How several tables belong together: columns of one name are most likely the same thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

MAX_LINKS = 4
MAX_SHARED = 3


@dataclass(frozen=True, slots=True)
class Linked:
    """A table: the names of its columns, and the expression that reads it."""

    columns: tuple[str, ...]
    read: str


def links(tables: Mapping[str, Linked]) -> list[str]:
    """A line for each pair of tables that share columns, with the code that puts them together."""
    lines = []
    for (first, one), (second, other) in combinations(tables.items(), 2):
        shared = [name for name in one.columns if name in other.columns]
        if shared and len(shared) == len(one.columns) == len(other.columns):
            both = f"df = pd.concat([{one.read}, {other.read}])"
            lines.append(f"{first} and {second} have the same columns; both together: {both}")
        elif shared:
            joined = f"df = {one.read}.merge({other.read}, on={shared[0]!r})"
            lines.append(f"{first} and {second} share {', '.join(shared[:MAX_SHARED])}; joined: {joined}")
    return lines[:MAX_LINKS]

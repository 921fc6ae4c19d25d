"""How several tables belong together: columns of one name are most likely the same thing."""

from collections.abc import Mapping, Sequence
from itertools import combinations

MAX_LINKS = 4
MAX_SHARED = 3


def links(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """A line for each pair of tables that share columns; `columns` are the names by file, in the files' order."""
    lines = []
    for (first, one), (second, other) in combinations(columns.items(), 2):
        shared = [name for name in one if name in other]
        if shared and len(shared) == len(one) == len(other):
            lines.append(f"{first} and {second} have the same columns; both together: pd.concat([a, b])")
        elif shared:
            keys = ", ".join(shared[:MAX_SHARED])
            lines.append(f"{first} and {second} share {keys}: join them with a.merge(b, on={shared[0]!r})")
    return lines[:MAX_LINKS]

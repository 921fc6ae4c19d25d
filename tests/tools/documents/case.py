"""What a case of document reading consists of."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A file, a question, and the words that the passages found for it must have, and must not have."""

    file: str
    make: Callable[[], bytes]
    query: str
    expected: tuple[str, ...]
    absent: tuple[str, ...] = ()
    analyzed: bool = True
    """Whether `file_analyzer` shows the words as well."""

"""How programs are written for a task."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodingSettings:
    """`max_iterations` counts how often a program that fails is mended; `max_tokens` is the length of one program."""

    max_iterations: int = 3
    max_tokens: int = 800

"""Extracts the program from a reply: from a fence, closed or not, or the whole reply."""

import re

FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
"""Language and content of a fenced block."""
PYTHON = ("python", "py")
"""Language names for Python."""


def program_in(reply: str) -> str:
    """The longest fenced block; if there is none, the reply itself."""
    blocks = [match.group(2).strip("\n") for match in FENCE.finditer(reply)]
    return max(blocks, key=len) if blocks else reply.strip()


def fenced(program: str) -> str:
    """A program in a fence, for prompts."""
    return f"```python\n{program}\n```"


def without_programs(text: str) -> str:
    """The text outside of programs."""
    return FENCE.sub(lambda block: "" if block.group(1).lower() in PYTHON else block.group(0), text)

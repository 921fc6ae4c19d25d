"""The program in a reply: in a fence, closed or not, or the whole of it."""

import re

FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
"""Language and contents of a fenced block."""


def program_in(reply: str) -> str:
    """The longest fenced block; without any, the reply itself."""
    blocks = [match.group(2).strip("\n") for match in FENCE.finditer(reply)]
    return max(blocks, key=len) if blocks else reply.strip()

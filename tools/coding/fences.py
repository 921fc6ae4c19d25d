"""The program in a reply: in a fence, closed or not, or the whole of it."""

import re

FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
"""Language and contents of a fenced block."""
PYTHON = ("python", "py")
"""How the language of a program is written."""


def program_in(reply: str) -> str:
    """The longest fenced block; without any, the reply itself."""
    blocks = [match.group(2).strip("\n") for match in FENCE.finditer(reply)]
    return max(blocks, key=len) if blocks else reply.strip()


def fenced(program: str) -> str:
    """A program as models are shown it."""
    return f"```python\n{program}\n```"


def without_programs(text: str) -> str:
    """What is said around them."""
    return FENCE.sub(lambda block: "" if block.group(1).lower() in PYTHON else block.group(0), text)

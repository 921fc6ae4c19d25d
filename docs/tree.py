"""Generates the tree of docs/architecture.md from the first sentence of each file's docstring: `python
docs/tree.py`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("api", "graph", "nodes", "tools", "llm", "checkpoints", "workspace")
BEGIN, END = "<!-- tree: `make docs` writes it -->\n```text\n", "```\n<!-- end of the tree -->\n"
COLUMN = 34
MAX_COMMENT = 110


def main(arguments: list[str]) -> int:
    """Writes the page or, with `--check`, returns 1 if it is out of date."""
    page = PAGE.read_text("utf-8")
    head, _, rest = page.partition(BEGIN)
    new = head + BEGIN + "\n".join(tree()) + "\n" + END + rest.partition(END)[2]
    if "--check" in arguments:
        return int(new != page)
    PAGE.write_text(new, "utf-8")
    return 0


def tree() -> list[str]:
    """One line per file, under its folder's line."""
    return [line for package in PACKAGES for line in _folder(ROOT / package, 0)]


def _folder(folder: Path, depth: int) -> Iterator[str]:
    yield _line(f"{folder.name}/", comment(folder / "__init__.py"), depth)
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            yield _line(file.name, comment(file), depth + 1)
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        yield from _folder(inner, depth + 1)


def _line(name: str, text: str, depth: int) -> str:
    return f"{'  ' * depth + name:<{COLUMN}}{text}".rstrip()


def comment(file: Path) -> str:
    """The first sentence of its docstring."""
    words = " ".join((ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").split("\n\n")[0].split())
    first = words.split(". ")[0].removesuffix(".")
    return first if len(first) <= MAX_COMMENT else f"{first[: MAX_COMMENT - 1].rpartition(' ')[0]} …"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

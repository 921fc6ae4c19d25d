"""What tests import: llama.cpp is loaded only by those that are about it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LLAMA_CPP = "llama_cpp"
ABOUT_IT = ("tests/llm/llama", "tests/e2e")


@cache
def file_of(module: str) -> Path | None:
    """The file of one of our modules; None for others."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def imports(file: Path) -> frozenset[str]:
    """The modules loaded with this one, without those imported in functions or for type checkers."""
    package = file.parent.relative_to(ROOT).parts
    return frozenset(_imported(ast.parse(file.read_text(encoding="utf-8")).body, package))


def _imported(body: list[ast.stmt], package: tuple[str, ...]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join([*above, *filter(None, [node.module])])
                yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
            case ast.If() if not ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from _imported([*node.body, *node.orelse], package)
            case ast.Try() | ast.With() | ast.ClassDef():
                yield from _imported(node.body, package)


def loaded(file: Path) -> set[str]:
    """All of our modules that importing the file loads."""
    found: set[str] = set()
    waiting = [file, *(parent / "conftest.py" for parent in file.parents if parent.is_relative_to(ROOT / "tests"))]
    while waiting:
        path = waiting.pop()
        for name in (imports(path) if path.is_file() else frozenset()) - found:
            found.add(name)
            parts = name.split(".")
            packages = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            waiting += [inner for package in packages if (inner := file_of(package)) is not None]
    return found


def test_only_tests_about_llama_cpp_import_it() -> None:
    tests = {
        str(path.relative_to(ROOT)): loaded(path)
        for path in (ROOT / "tests").rglob("test_*.py")
        if ".venv" not in path.parts and "node_modules" not in path.parts
    }
    assert len(tests) > 80
    importing = {name for name, modules in tests.items() if any(m.split(".")[0] == LLAMA_CPP for m in modules)}
    assert importing, "then this looks in the wrong place"
    assert {name for name in importing if not name.startswith(ABOUT_IT)} == set()

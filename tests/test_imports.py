"""What tests import: llama.cpp is loaded only by those that are about it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.test_house import PACKAGES

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
ABOUT_IT = ("tests/llm/llama", "tests/e2e")


def modules(body: list[ast.stmt], package: tuple[str, ...]) -> Iterator[str]:
    """Names imported when a module of this package is loaded: not those in functions or for type checkers."""
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join([*above, *filter(None, [node.module])])
                yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
            case ast.If() if not ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from modules([*node.body, *node.orelse], package)
            case ast.Try() | ast.With() | ast.ClassDef():
                yield from modules(node.body, package)


def files(module: str) -> Iterator[Path]:
    """Our files that are loaded with a module: its own, and those of the packages around it."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:end])
        yield from (path.with_suffix(".py"), path / "__init__.py")


def test_only_tests_about_llama_cpp_import_it() -> None:
    ours = {path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py")}
    ours = {path for path in ours if not {".venv", "node_modules"} & {*path.relative_to(ROOT).parts}}
    imported = {
        path: set(modules(ast.parse(path.read_text(encoding="utf-8")).body, path.parent.relative_to(ROOT).parts))
        for path in ours
    }
    loaded = {path: {file for name in names for file in files(name)} & ours for path, names in imported.items()}
    for path in ours:
        if path.is_relative_to(TESTS):
            loaded[path] |= {parent / "conftest.py" for parent in path.parents} & ours
    found = {path for path, names in imported.items() if any(name.split(".")[0] == "llama_cpp" for name in names)}
    assert found, "then this looks for something else"
    while more := {path for path in ours - found if loaded[path] & found}:
        found |= more
    tests = {str(path.relative_to(ROOT)) for path in found if path.is_relative_to(TESTS)}
    assert {name for name in tests if not name.startswith(ABOUT_IT)} == set()
    assert any(name.startswith(ABOUT_IT[0]) for name in tests)

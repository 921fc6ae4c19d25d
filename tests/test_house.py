"""The repository follows its own rules: what exists is listed, and what is listed exists."""

import ast
import importlib
import json
import pkgutil
import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import UndefinedError

import llm
import tools
from api.settings import Settings, settings_from
from api.settings.reference import env_example, settings_page
from api.settings.variables import variables_of
from graph import ANSWER_MODES, MODE_OF_KIND, MODES
from llm import BACKENDS, VISION, catalog
from nodes.rules.mode import Kind
from tools.prompts import render_prompt

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "graph", "nodes", "tools", "llm", "checkpoints", "workspace")
MAX_LINES = 300
MAX_TEST_LINES = 600
MAX_FILES = 25


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_ours(name: str) -> None:
    """The names are generic; no installed package may take their place."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_langgraph_json_lists_the_modes() -> None:
    listed = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert listed == {name: f"api.studio:{name}" for name in MODES}


def test_every_graph_file_is_a_mode() -> None:
    files = {path.stem for path in (ROOT / "graph").glob("*.py")} - {"__init__"}
    assert files == set(MODES)
    for name, mode in ANSWER_MODES.items():
        assert importlib.import_module(f"graph.{name}").graph is mode is MODES[name]


def test_auto_leads_to_every_mode() -> None:
    assert set(MODES) - {"auto"} == set(ANSWER_MODES)
    leads_to = {edge.target for edge in MODES["auto"].compile().get_graph().edges if edge.source == "route"}
    assert leads_to == set(ANSWER_MODES)
    assert set(MODE_OF_KIND) == set(get_args(Kind))
    assert set(MODE_OF_KIND.values()) <= set(ANSWER_MODES)


def test_exported_graphs_carry_no_checkpointer() -> None:
    assert not any(hasattr(graph, "checkpointer") for graph in MODES.values())


def test_every_backend_is_listed() -> None:
    modules = [m.name for m in pkgutil.iter_modules(llm.__path__)]
    with_build = {n for n in modules if hasattr(importlib.import_module(f"llm.{n}"), "build")}

    assert {f"llm.{name}" for name in with_build} - {VISION} == set(BACKENDS.values())


def test_every_tool_is_listed() -> None:
    modules = [m.name for m in pkgutil.iter_modules(tools.__path__)]
    with_build = {n for n in modules if hasattr(importlib.import_module(f"tools.{n}"), "build")}
    assert with_build == set(tools.TOOLS)


def test_what_is_written_about_settings_is_up_to_date() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page(), "run `make docs`"
    assert (ROOT / ".env.example").read_text() == env_example(), "run `make docs`"
    assert [variable.name for variable in variables_of(Settings) if not variable.field.description] == []


def test_one_tool_alone_runs_programs() -> None:
    assert [tool.PURPOSE.kind for tool in tools.TOOLS.values()].count("computation") == 1


def test_env_example_names_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {m[1]: m[2] for line in lines if (m := re.match(r"([A-Z][A-Z0-9_]+)=(.*)", line))}
    assert set(named) == {variable.name for variable in variables_of(Settings)}
    assert settings_from(named) == Settings()


def test_only_the_settings_read_the_environment() -> None:
    reads = re.compile(r"\benvironb?\b|\bgetenv\b|\bdotenv\b|\bBaseSettings\b")
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    found = {str(file.relative_to(ROOT)) for file in files if reads.search(file.read_text())}
    # The kernels' fork server clears the environment and sets its own.
    assert found == {"api/settings/environment.py", "workspace/jail/zygote.py"}


@pytest.mark.parametrize(("folder", "count"), [("nodes/prompts", 20), ("tools/coding/prompts", 2)])
def test_every_prompt_renders_strictly(folder: str, count: int) -> None:
    prompts = ROOT / folder
    names = [str(path.relative_to(prompts).with_suffix("")) for path in prompts.rglob("*.md")]
    assert len(names) >= count
    for name in names:
        needs = set(re.findall(r"{(?:{|% if)\s*(\w+)\s*[}%]}", (prompts / f"{name}.md").read_text()))
        assert render_prompt(prompts, name, **dict.fromkeys(needs, "x")).strip()
        if needs:
            with pytest.raises(UndefinedError):
                render_prompt(prompts, name)


def test_the_catalogue_is_sound() -> None:
    default, entries = catalog.load()
    assert default in entries
    for file in (file for entry in entries.values() for file in entry.files):
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.hub is None or file.hub.startswith("https://")
    assert all(entry.folder or len(entry.files) == 1 for entry in entries.values())


def test_locks_name_no_host() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text


def sources() -> list[Path]:
    """All Python files of the repository."""
    skipped = {".venv", "node_modules", "__pycache__"}
    folders = [ROOT / name for name in (*PACKAGES, "tests", "evals", "benchmarks")]
    return [path for folder in folders for path in folder.rglob("*.py") if not skipped & set(path.parts)]


def test_files_and_folders_are_small_enough_to_read() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    most = {name: MAX_TEST_LINES if name.startswith("tests/") else MAX_LINES for name in sizes}
    assert {name: size for name, size in sizes.items() if size > most[name]} == {}
    crowded = [folder for folder, count in Counter(path.parent for path in sources()).items() if count > MAX_FILES]
    assert crowded == []


def test_no_files_import_each_other_in_a_circle() -> None:
    """Includes imports within functions and for type checkers."""
    files = {module_of(path): path for path in sources() if path.relative_to(ROOT).parts[0] in PACKAGES}
    sorter = TopologicalSorter({name: imports_of(path, set(files)) - {name} for name, path in files.items()})
    sorter.prepare()  # raises CycleError, which names the circle


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    # A package's `__init__.py` is executed too, but its own files are meant.
    return {name for name in found & known if not path.is_relative_to(ROOT / name.replace(".", "/"))}


@pytest.mark.parametrize("folder", ["graph", "nodes"])
def test_no_step_knows_a_tool_by_its_name(folder: str) -> None:
    """A tool's purpose is defined in its own file."""
    names = re.compile("|".join(rf"\b{name}\b" for name in (*tools.TOOLS, r"tools\.names")), re.IGNORECASE)
    files = [*(ROOT / folder).rglob("*.py"), *(ROOT / folder / "prompts" / "react").glob("*.md")]
    assert {str(path): found for path in files if (found := names.findall(path.read_text()))} == {}

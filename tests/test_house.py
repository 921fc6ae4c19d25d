"""The house keeps its own rules: what is written is listed, what is listed exists."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

import llm
import tools
from api.settings import Settings
from graph import MODES
from llm import BACKENDS, VISION, catalog
from tools.prompts import render_prompt

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "graph", "nodes", "tools", "llm", "checkpoints", "workspace")


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_ours(name: str) -> None:
    """The names are generic; nothing installed may stand in for them."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_langgraph_json_lists_the_modes() -> None:
    listed = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert listed == {name: f"api.studio:{name}" for name in MODES}


def test_every_graph_file_is_a_mode() -> None:
    files = {path.stem for path in (ROOT / "graph").glob("*.py")} - {"__init__"}
    assert files == set(MODES)
    for name in files:
        assert importlib.import_module(f"graph.{name}").graph is MODES[name]


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


def test_one_tool_alone_runs_programs() -> None:
    assert [tool.PURPOSE.kind for tool in tools.TOOLS.values()].count("computation") == 1


def test_env_example_names_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {m[1]: m[2] for line in lines if (m := re.match(r"(?:# ?)?([A-Z][A-Z0-9_]+)=(.*)", line))}
    assert set(named) == {name.upper() for name in Settings.model_fields}
    values: dict[str, Any] = {name.lower(): value for name, value in named.items()}
    shown = Settings(_env_file=None, **values)
    assert shown == Settings(_env_file=None)


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


@pytest.mark.parametrize("folder", ["graph", "nodes"])
def test_no_step_knows_a_tool_by_its_name(folder: str) -> None:
    """What a tool is good for stands in its own file."""
    names = re.compile("|".join(rf"\b{name}\b" for name in (*tools.TOOLS, r"tools\.names")), re.IGNORECASE)
    files = [*(ROOT / folder).rglob("*.py"), *(ROOT / folder / "prompts" / "react").glob("*.md")]
    assert {str(path): found for path in files if (found := names.findall(path.read_text()))} == {}

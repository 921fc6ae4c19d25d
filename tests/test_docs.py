"""Examples in the documentation run, and its links are valid."""

import asyncio
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from api.services import open_services
from llm.scripted import ScriptedChat
from tests.serving import Service, python_step, settings_for

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


def test_every_page_is_reachable_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in readme] == []


def test_the_tree_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "docs/tree.py", "--check"], check=False, cwd=ROOT)
    assert done.returncode == 0, "run `make docs`"


def test_the_examples_of_extending_run() -> None:
    whole, _mode, tool = BLOCK.findall((ROOT / "docs" / "extending.md").read_text())
    printed = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        for code in (whole, tool)
    ]
    assert printed == ["Good evening.\n", "['1230 km'] The Rhine is 1230 km long.\n"]


async def test_the_streaming_example_runs(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print(57120)"), "Final Answer: 57120"]
    (code,) = BLOCK.findall((ROOT / "docs" / "api.md").read_text())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code.replace("http://127.0.0.1:1007", service.url)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert out.decode().strip().endswith("[step] python_coder\n57120")
    assert out.decode().startswith("I compute it.\n```python\nprint(57120)\n```")


async def test_the_example_of_tasks_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As printed, except for the model, which is scripted, and the file, which is elsewhere."""
    (tmp_path / "orders.csv").write_text("city,amount\nOslo,3\nRome,4\n")
    monkeypatch.chdir(tmp_path)
    replies = [
        "```python\nprint(sum(int(line.split(',')[1]) for line in list(open('orders.csv'))[1:]))\n```",
        "```python\nopen('plot.png', 'wb').write(b'x')\nprint('drawn')\n```",
    ]
    (code,) = BLOCK.findall((ROOT / "docs" / "coding.md").read_text())
    printed: list[object] = []
    names: dict[str, Any] = {"print": printed.append}
    exec(code.replace("asyncio.run(main())", ""), names)
    async with open_services(settings_for(tmp_path / "data"), ScriptedChat(replies=replies), boot=False) as services:
        names["local_services"] = lambda: nullcontext(services)
        await names["main"]()
    assert printed == ["7", ["plot.png"]]

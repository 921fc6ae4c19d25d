"""The product as shipped: `make run` in a fresh clone, every tool, every mode, the README's examples, a restart."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.settings.server import DEFAULT_PORT
from graph import MODES
from tests.e2e.shipped import ANSWER_SECONDS, Product, clone, commands, make_run, programs
from tests.tools.vision.pictures import encoded, printed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

UNREACHABLE = "http://nowhere.invalid/page"
OFFLINE_SECONDS = 60
"""Within which tools of the web return a result or say why there is none."""


def test_the_product_as_shipped(tmp_path: Path) -> None:
    folder = clone(tmp_path / "Zoë's projects" / "llm api")
    with make_run(folder) as product:
        run_the_readme(product)
        upload(product)
        session = call_every_tool(product)
        ask_in_every_mode(product, session)
    assert (folder / "data").is_dir()
    with make_run(folder) as product:
        check_that_everything_is_still_there(product, session)


def run_the_readme(product: Product) -> None:
    """Its commands and programs as printed; an ordinary user's service has another port."""
    readme, port = product.folder / "README.md", str(product.port)
    start, *others = commands(readme)
    assert start == "make run"
    printed = [run(["bash", "-euc", command.replace(str(DEFAULT_PORT), port)], product.folder) for command in others]
    assert "South" in printed[-1]
    assert "430" in printed[-1]
    (program,) = programs(readme)
    assert "76127" in run([sys.executable, "-c", program.replace(str(DEFAULT_PORT), port)], product.folder)


def run(command: list[str], folder: Path) -> str:
    """What it prints, without commas in numbers."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(",", "")


def upload(product: Product) -> None:
    files = {
        "garden notes.txt": b"Roses are pruned in late winter. Tulips are planted in autumn.",
        "prices.csv": b"item,price\nrose,3.5\ntulip,1.25\n",
        "sign.png": encoded(printed(["CLOSED ON MONDAY"])),
    }
    product.post("/api/upload", files=[("files", file) for file in files.items()])


def call_every_tool(product: Product) -> str:
    """A session with the variable `x` and the file `kept.txt`."""
    computed = product.tool("python_coder", code="x = 41\nopen('kept.txt', 'w').write('kept')\nprint(x + 1)")
    assert computed["output"].startswith("42")
    session: str = computed["session_id"]
    written = product.tool("python_coder", session, task="Print the sum of the numbers from 1 to 100.")
    assert "5050" in written["output"], written
    assert "price" in product.tool("file_analyzer", filename="prices.csv")["output"]
    found = product.tool("rag_retriever", query="When are roses pruned?")
    assert found["sources"][0]["title"] == "garden notes.txt"
    assert "MONDAY" in product.tool("vision_analyzer", filename="sign.png")["output"].upper()
    product.http.timeout = OFFLINE_SECONDS
    unread = product.tool("read_page", url=UNREACHABLE)
    assert "nowhere.invalid" in unread["error"]
    searched = product.tool("web_search", query="LangGraph")
    assert searched["output"] or searched["error"]
    listed = {tool["name"] for tool in product.http.get("/api/tools").json()["tools"]}
    assert listed == {"python_coder", "file_analyzer", "rag_retriever", "vision_analyzer", "read_page", "web_search"}
    return session


def ask_in_every_mode(product: Product, session: str) -> None:
    """Also begins the conversation of the session."""
    product.http.timeout = ANSWER_SECONDS
    questions = {
        "chat": ("What is the capital of France?", "Paris"),
        "react": ("What is 17!/13! ?", "57120"),
        "plan_execute": ("Compute 17 * 23 with Python, then add 9 to it.", "400"),
        "auto": ("What is 12345 * 6789 ?", "83810205"),
    }
    assert questions.keys() == MODES.keys()
    for mode, (question, expected) in questions.items():
        more = {"session_id": session} if mode == "chat" else {}
        text, body = product.answer(mode, question, **more)
        assert expected in text, body
        assert mode in {body["x_agent_metadata"]["agent_type"], "auto"}


def check_that_everything_is_still_there(product: Product, session: str) -> None:
    text, _ = product.answer("chat", "Which city did you just name?", session_id=session)
    assert "Paris" in text
    assert product.tool("python_coder", session, code="print(x, open('kept.txt').read())")["output"] == "41 kept"
    files = {file["name"] for file in product.http.get("/api/files").json()["files"]}
    assert {"garden notes.txt", "prices.csv", "sign.png"} <= files
    assert product.tool("rag_retriever", query="tulips")["sources"][0]["title"] == "garden notes.txt"

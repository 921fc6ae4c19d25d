"""Open WebUI with its default settings in front of the service, used in a browser: `make test-open-webui`."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.client import get, rows
from tests.clients.open_webui.scene import open_webui_model
from tests.serving import Service, running, settings_for

HERE = Path(__file__).parent
BIN = HERE / ".venv" / "bin"
FILTER = HERE.parents[2] / "deploy" / "open-webui" / "llm_api_filter.py"
SALES = "month,sales\nJan,10\nFeb,20\nMar,60\n"
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not (BIN / "open-webui").exists(), reason="not installed: see `make test-open-webui`"),
    pytest.mark.skipif(
        not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="no Chromium"
    ),
]


@asynccontextmanager
async def open_webui(service: Service, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Its server, and a client of its administrator. `OFFLINE_MODE` keeps it from downloading models; all other
    settings are those of docs/clients.md.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "DATA_DIR": str(folder),
        "OPENAI_API_BASE_URL": f"{service.url}/v1",
        "OPENAI_API_KEY": "none",
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "only for this test",
        "OFFLINE_MODE": "True",
        "RAG_EMBEDDING_ENGINE": "openai",
        "RAG_EMBEDDING_MODEL": "embeddings",
        "RAG_OPENAI_API_BASE_URL": f"{service.url}/v1",
        "RAG_OPENAI_API_KEY": "none",
    }
    log = (folder.parent / "open-webui.log").open("wb")
    command = [str(BIN / "open-webui"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder.parent, env={**os.environ, **settings}, stdout=log, stderr=log
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            async with asyncio.timeout(180):
                while not await _is_up(http):  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(1)
            token = (await http.post("/api/v1/auths/signin", json={"email": "", "password": ""})).json()["token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield http
    finally:
        process.terminate()
        await process.wait()
        log.close()


async def _is_up(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health")).status_code == 200
    except httpx.TransportError:
        return False


async def install_filter(http: httpx.AsyncClient) -> None:
    """As docs/clients.md says, but over HTTP."""
    code = await asyncio.to_thread(FILTER.read_text)
    function = {"id": "llm_api", "name": "LLM API", "content": code, "meta": {"description": ""}}
    for path, body in (("create", function), ("id/llm_api/toggle", {}), ("id/llm_api/toggle/global", {})):
        (await http.post(f"/api/v1/functions/{path}", json=body)).raise_for_status()


async def drive(http: httpx.AsyncClient, folder: Path) -> dict[str, Any]:
    """What the browser shows, step by step."""
    file = folder / "sales.csv"
    file.write_text(SALES)
    process = await asyncio.create_subprocess_exec(
        *(str(BIN / "python"), str(HERE / "drive.py"), str(http.base_url).rstrip("/"), str(file), str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    seen: dict[str, Any] = json.loads(out)
    return seen


@pytest.mark.timeout(900)
async def test_a_person_works_with_the_agent(tmp_path: Path) -> None:
    shots = Path(os.environ.get("SCREENSHOTS") or tmp_path / "shots")
    for folder in (shots, tmp_path / "open-webui"):
        folder.mkdir(parents=True, exist_ok=True)
    settings = settings_for(tmp_path / "data", python_code_preload_libraries=("numpy", "pandas", "matplotlib"))
    async with running(settings, open_webui_model()) as service, open_webui(service, tmp_path / "open-webui") as http:
        await install_filter(http)
        seen = await drive(http, shots)
        texts = {step: told["text"] for step, told in seen.items()}
        assert "The result is 338350." in texts["computation"]
        for shown in ("I compute it with Python.", "total = sum(n * n for n in range(1, 101))", "338350"):
            assert shown in texts["steps"]
        assert "The result is 676700." in texts["follow-up"], "the variable is there"
        for step in ("regenerated", "edited"):
            assert "The result is 676700." in texts[step], "the variable is computed again"
        assert "99" not in texts["stopped"]
        assert seen["follow-up"]["title"].startswith("A computed number")
        assert seen["follow-up"]["follow_ups"] == 2
        assert "The result is 90." in texts["chart"]
        assert "summary.csv" in texts["chart"]
        ((address, width),) = [image for image in seen["chart"]["images"] if "/api/v1/files/" in image[0]]
        assert address.endswith("/content")
        assert width > 100, "the chart is shown"
        assert "The result is 30.0." in texts["mean"], "the table that the chart's program loaded is there"
        listed = (await get(service, "/api/conversations"))["sessions"]
        titles = {session["title"] for session in listed}
        assert titles == {"Sum the squares of 1 to 100.", "Draw a chart of sales.csv."}, "only what the person wrote"
        assert len(listed) == 4, "the chat and its two forks, and the other chat"
        assert rows(service, "SELECT count(*) FROM sessions WHERE external_id IS NOT NULL") == [(2,)]

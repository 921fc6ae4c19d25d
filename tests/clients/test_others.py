"""openai-node, the Vercel AI SDK, LiteLLM and the command `llm`; `make clients` installs them."""

import asyncio
import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.scenes import BREAK, BROKEN, FUNCTION, HELLO, JSON, LONG, LOOK, PNG, SCHEMA, WEATHER
from tests.serving import Service

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin"
pytestmark = pytest.mark.clients
node = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules").is_dir(), reason="npm is not there: see `make clients`"
)
python = pytest.mark.skipif(not (PYTHON / "llm").exists(), reason="not installed: see `make clients`")


async def run(*command: str | Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=HERE,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return out.decode()


def given(service: Service) -> str:
    scenes = {"hello": HELLO, "weather": WEATHER, "json": JSON, "look": LOOK, "long": LONG, "break": BREAK}
    image = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    return json.dumps({"url": service.url, "scenes": scenes, "image": image, "tool": FUNCTION, "schema": SCHEMA})


def check(told: dict[str, Any]) -> None:
    assert told["plain"] == told["streamed"] == "Hello there."
    assert told["pieces"] > 1
    assert told["tools"] == "It is 21 degrees in Oslo."
    assert told["image"] == "A flag."
    assert told["json"] == {"city": "Oslo"}
    assert told.get("after", "Hello there.") == "Hello there."
    assert BROKEN in told["error"]


@node
async def test_openai_node(service: Service) -> None:
    told = json.loads(await run("node", "openai.mjs", given(service)))
    check(told)
    assert told["responses"] == "It is 21 degrees."


@node
async def test_vercel_ai_sdk(service: Service) -> None:
    told = json.loads(await run("node", "ai-sdk.mjs", given(service)))
    for way in ("completions", "responses"):
        check(told[way])
        assert told[way]["usage"]


@python
async def test_litellm(service: Service) -> None:
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    told = await run(PYTHON / "python", "drive_litellm.py", given(service), **local)
    check(json.loads(told.strip().splitlines()[-1]))


@python
async def test_the_command_llm(service: Service, tmp_path: Path) -> None:
    for name in ("chat", "auto"):
        lines = [f"- model_id: {name}", f"  model_name: {name}", f"  api_base: {service.url}/v1"]
        lines += ["  supports_schema: true", "  supports_tools: true", "  vision: true"]
        with (tmp_path / "extra-openai-models.yaml").open("a") as models:
            models.write("\n".join(lines) + "\n")
    home = {"LLM_USER_PATH": str(tmp_path), "OPENAI_API_KEY": "none"}
    llm = PYTHON / "llm"
    assert (await run(llm, "-m", "chat", HELLO, **home)).strip() == "Hello there."
    assert (await run(llm, "-m", "chat", "--no-stream", HELLO, **home)).strip() == "Hello there."
    assert (await run(llm, "-m", "chat", "-c", HELLO, **home)).strip() == "Hello there."
    assert json.loads(await run(llm, "-m", "chat", "--schema", json.dumps(SCHEMA), JSON, **home)) == {"city": "Oslo"}
    picture = tmp_path / "flag.png"
    picture.write_bytes(PNG)
    assert (await run(llm, "-m", "chat", "-a", picture, LOOK, **home)).strip() == "A flag."
    function = "def get_weather(city: str) -> str:\n    return '21 degrees in ' + city\n"
    told = await run(llm, "-m", "auto", "--functions", function, WEATHER, **home)
    assert told.strip() == "It is 21 degrees in Oslo."

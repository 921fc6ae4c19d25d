"""Pulls a model that Ollama does not have yet."""

import json
import logging

import httpx

from llm.errors import ModelError

log = logging.getLogger(__name__)

STEP = 10
"""Percentage points between two lines in the log."""


async def pull(http: httpx.AsyncClient, name: str) -> None:
    """Have Ollama pull the model, with its progress in the log. Raises `ModelError`, and `httpx.TransportError`."""
    told = -STEP
    async with http.stream("POST", "/api/pull", json={"model": name}) as answer:
        if answer.is_error:
            raise _failed(name, (await answer.aread()).decode("utf-8", "replace"))
        status = ""
        async for line in answer.aiter_lines():
            progress = json.loads(line)
            if "error" in progress:
                raise _failed(name, str(progress["error"]))
            status, total = str(progress.get("status", "")), progress.get("total") or 0
            percent = 100 * (progress.get("completed") or 0) // total if total else told
            if percent >= told + STEP or percent < told:
                told = percent
                log.info("pulling %s: %s, %d %%", name, status, max(percent, 0))
    if status != "success":
        raise _failed(name, f"it ended with {status!r}")
    log.info("pulled %s", name)


def _failed(name: str, why: str) -> ModelError:
    return ModelError(f"Ollama cannot pull the model {name!r}: {why[:300]}")

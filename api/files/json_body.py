"""Parses large bodies and forms off the event loop."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from api.json_text import parsed
from workspace.fair_share import FairExecutor

SMALL = 32 << 10
"""Bytes that are parsed at once, where they are: moving to a thread would take longer."""
FEW_MESSAGES = 100

T = TypeVar("T")


class JsonParser:
    """Parses large bodies one after the other, users in turns: more threads would only wait for Python's lock."""

    def __init__(self) -> None:
        self._lane = FairExecutor(1, 1, "json")

    async def parse(self, body: bytes, what: str = "body") -> Any:
        """See `parsed`."""
        return parsed(body, what) if len(body) <= SMALL else await self.run(parsed, body, what)

    async def convert(self, convert: Callable[[dict[str, Any]], T], fields: dict[str, Any]) -> T:
        """`convert(fields)`, off the event loop if there are many messages."""
        messages = fields.get("messages")
        many = isinstance(messages, list) and len(messages) > FEW_MESSAGES
        return await self.run(convert, fields) if many else convert(fields)

    async def run(self, parse: Callable[..., T], *given: Any) -> T:
        """`parse(*given)`."""
        return await asyncio.get_running_loop().run_in_executor(self._lane, parse, *given)

    def close(self) -> None:
        """Bodies that still wait are not parsed."""
        self._lane.shutdown(wait=False, cancel_futures=True)

"""The service of `python -m api`, with a model that plays what a question asks for. Settings as shipped.

The last user message decides the reply: `say N` is a text of N characters, `slow N` the same with 20 pieces a second,
`run CODE` calls Python in the modes of an agent, and anything else is answered briefly.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from typing_extensions import override

from api.allocator import return_large_blocks
from api.middleware.logging import configure_logging
from api.model_registry import fetch_vectors
from api.server import Server, keep_what_is_loaded, listen, raise_open_file_limit, serve
from api.services import Services
from api.settings import load_settings
from llm.scripted import ScriptedChat
from tests.serving import python_step

SLOW_SECONDS, FAST_SECONDS = 0.05, 0.005
"""Between two pieces."""
PIECE = 40
"""Characters; a token has about four. At full speed, an answer has 2,000 tokens a second."""


class Obedient(ScriptedChat):
    """Plays the question, and records nothing: the suite measures the service's memory."""

    @override
    def _next(self, messages: list[BaseMessage], arguments: dict[str, Any]) -> AIMessage:
        choices: list[str] = arguments.get("choices") or []
        if choices:
            return AIMessage(choices[0])
        kind, _, what = _question(messages).partition(" ")
        match kind:
            case "say" | "slow" if what.isdecimal():
                return AIMessage(("word " * (int(what) // 5 + 1))[: int(what)])
            case "run":
                done = any("Observation:" in message.text for message in messages)
                return AIMessage("Thought: I know it.\nFinal Answer: done" if done else python_step(what))
        return AIMessage("Hello, I am fine.")

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        slow = _question(messages).startswith("slow ")
        async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
            await asyncio.sleep(SLOW_SECONDS if slow else FAST_SECONDS)  # no model sends everything at once
            yield chunk


def _question(messages: list[BaseMessage]) -> str:
    return next((message.text for message in reversed(messages) if message.type == "human"), "")


def main() -> None:
    settings = load_settings()
    configure_logging(settings.log)
    raise_open_file_limit()
    return_large_blocks()

    def opened(_server: Server, _services: Services) -> None:
        sys.stdout.write(f"{sock.getsockname()[1]}\n")
        sys.stdout.flush()
        keep_what_is_loaded()

    with listen(settings.server) as sock:
        fetch_vectors(settings.models)
        asyncio.run(serve(settings, Obedient(piece=PIECE), sock, opened))


if __name__ == "__main__":
    main()

"""The requests of every client, and a model with the same replies for all."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from typing_extensions import override

from llm.errors import ModelError
from llm.scripted import ScriptedChat
from tests.tools.vision.pictures import encoded, half_and_half

HELLO, WEATHER, JSON, LOOK, LONG, BREAK = "hello", "weather", "json", "look", "long", "break"
CITY = '{"city": "Oslo"}'
PNG = encoded(half_and_half())
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION = {"name": "get_weather", "description": "The weather of a city.", "parameters": SCHEMA}
BROKEN = "The model broke in the middle."


class SceneChat(ScriptedChat):
    """Replies to the last message; `break` fails after half of the reply."""

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        said = 0
        async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
            yield chunk
            said += 1
            if said == 3 and _last(messages) == BREAK:
                raise ModelError(BROKEN)


def _last(messages: Sequence[BaseMessage]) -> str:
    return next((m.text.strip().lower() for m in reversed(messages) if isinstance(m, HumanMessage)), "")


def _answer(messages: Sequence[BaseMessage]) -> str | AIMessage:
    last = messages[-1]
    if isinstance(last, ToolMessage):
        return f"It is {last.text.strip()}."
    match _last(messages):
        case "weather":
            return AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_1"}])
        case "json":
            return CITY
        case "look":
            return "A flag."
        case "long" | "break":
            return "word " * 50
        case _:
            return "Hello there."


def scene_model() -> SceneChat:
    return SceneChat(replies=[_answer], repeat=True, native_tools=True)

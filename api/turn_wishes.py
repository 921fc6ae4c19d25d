"""What a request wishes besides words, made ready for a run, or refused by name."""

import asyncio
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from api.errors import bad_request
from api.schemas import ChatRequest
from llm.errors import SchemaError
from llm.served import ServedChat
from nodes.state import ClientTools, Limits, Sampling

FEWER, MORE = ("none", "minimal", "low"), ("high", "xhigh")


def mode_with_tools(chat: ChatRequest, mode: str) -> str:
    """A turn with tools of the client's runs in `chat`: an agent's modes have the service's own tools.

    Raises 400 when both are asked for.
    """
    if chat.own_tools and mode not in ("auto", "chat"):
        raise bad_request(
            f"tools: mode {mode} runs the service's own tools; send your tools with auto or chat",
            "tools",
            "tools_of_two",
        )
    return "chat" if chat.own_tools or chat.messages[-1].role != "user" else mode


async def check_wishes(chat: ChatRequest, model: BaseChatModel) -> None:
    """Raise 400 for tools or a form of answer that this model cannot be held to."""
    if chat.own_tools and isinstance(model, ServedChat):
        await model.ready()
    if chat.own_tools and not getattr(model, "native_tools", False):
        raise bad_request("tools: this model cannot call tools", "tools", "unsupported_field")
    check = getattr(model, "check_format", None)
    if chat.wanted_format is not None and check is not None:
        try:
            await asyncio.to_thread(check, chat.wanted_format)
        except SchemaError as error:
            field = "response_format.json_schema.schema"
            raise bad_request(f"{field}: {error}", field, "invalid_schema") from error


def client_tools(chat: ChatRequest) -> ClientTools:
    """For the run's context."""
    return ClientTools(chat.own_tools, chat.choice, chat.parallel_tool_calls is not False)


def steps_for(chat: ChatRequest, limits: Limits) -> Limits:
    """`reasoning_effort`: half of the steps, or twice as many."""
    if chat.reasoning_effort in FEWER:
        return replace(limits, max_iterations=max(1, limits.max_iterations // 2))
    if chat.reasoning_effort not in MORE:
        return limits
    return replace(limits, max_iterations=limits.max_iterations * 2, max_mends=limits.max_mends * 2)


def sampling_of(chat: ChatRequest) -> Sampling:
    """The request's wishes for the answer."""
    return Sampling(
        temperature=chat.temperature,
        top_p=chat.top_p,
        seed=chat.seed,
        max_tokens=chat.token_limit,
        stop=chat.stops,
    )

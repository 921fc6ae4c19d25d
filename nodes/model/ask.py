"""One call of the model: streamed, counted, retried if the reply is empty."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCallChunk
from langchain_core.runnables import Runnable
from langgraph.runtime import Runtime

from llm.errors import MalformedCallError
from nodes.events import ThoughtDelta
from nodes.state import Context, Sampling
from tools.temperature import temperature_of

Option = TypeVar("Option", bound=str)
RETRY_TEMPERATURE = 0.7
MAX_CHOICE_TOKENS = 16
MAX_LINE_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Said:
    """The model's text, its finish reason (stop or length), and whether it called tools."""

    text: str
    finish_reason: str
    called: bool = False
    """The model called tools; `on_call` received the calls."""
    broken: str | None = None
    """The text of a call that the server could not parse; None if there was none."""
    id: str | None = None
    """The ID of the streamed message."""


def steady(runtime: Runtime[Context], model: BaseChatModel | None = None) -> Sampling:
    """The request's sampling, but never a server's default temperature; `model` replaces the run's own."""
    wished = runtime.context.sampling
    if wished.temperature is not None:
        return wished
    return replace(wished, temperature=temperature_of(model or runtime.context.model))


def bounded(
    runtime: Runtime[Context], model: BaseChatModel | None = None, *, stop: tuple[str, ...] = (), fresh: bool = False
) -> Sampling:
    """Sampling for a thought: low temperature, limited length; `fresh` asks for a different idea."""
    wished = steady(runtime, model)
    warm = max(wished.temperature or 0.0, RETRY_TEMPERATURE)
    return replace(
        wished,
        max_tokens=runtime.context.limits.max_thought_tokens,
        stop=stop,
        temperature=warm if fresh else wished.temperature,
        # Programs repeat names, which penalties would change.
        frequency_penalty=None,
        presence_penalty=None,
    )


async def ask(
    runtime: Runtime[Context],
    messages: Sequence[BaseMessage],
    sampling: Sampling,
    on_text: Callable[[str], None],
    model: Runnable[LanguageModelInput, AIMessage] | None = None,
    *,
    on_call: Callable[[ToolCallChunk], None] | None = None,
    **more: Any,
) -> Said:
    """Stream one reply through `on_text`, and its tool calls through `on_call`; `model`, which may have bound tools,
    replaces the run's own. An empty reply is retried at a higher temperature, up to `limits.tries` attempts.

    Raises the model's errors, except for a call that cannot be parsed: it ends the reply.
    """
    said = Said("", "stop")
    for attempt in range(runtime.context.limits.tries):
        if attempt:
            sampling = replace(sampling, temperature=RETRY_TEMPERATURE, seed=(sampling.seed or 0) + attempt)
        said = await _once(runtime, messages, sampling, on_text, on_call, model, **more)
        broken = said.broken is not None and on_call is not None  # the caller handles it
        if said.text.strip() or said.called or broken or sampling.max_tokens == 0:
            break
    return said


async def ask_one_of(runtime: Runtime[Context], messages: Sequence[BaseMessage], options: Sequence[Option]) -> Option:
    """One of `options`: enforced if the backend supports it; the first if the reply is none of them."""
    sampling = Sampling(temperature=0.0, max_tokens=MAX_CHOICE_TOKENS)
    said = await _once(runtime, messages, sampling, lambda _: None, choices=list(options))
    text = said.text.strip().lower()
    exact = [option for option in options if option.lower() == text]
    return next(iter([*exact, *(option for option in options if option.lower() in text)]), options[0])


async def ask_line(runtime: Runtime[Context], messages: Sequence[BaseMessage]) -> str:
    """One short line; empty if the model's reply is empty."""
    sampling = Sampling(temperature=0.0, max_tokens=MAX_LINE_TOKENS, stop=("\n",))
    return (await _once(runtime, messages, sampling, lambda _: None)).text.strip()


async def _once(
    runtime: Runtime[Context],
    messages: Sequence[BaseMessage],
    sampling: Sampling,
    on_text: Callable[[str], None],
    on_call: Callable[[ToolCallChunk], None] | None = None,
    model: Runnable[LanguageModelInput, AIMessage] | None = None,
    **more: Any,
) -> Said:
    parts: list[str] = []
    reason, called, broken, message_id, thinking = "stop", False, None, None, False
    arguments = _arguments(sampling) | more
    asked, step = model or runtime.context.model, runtime.context.plan_step
    stream = cast(
        "AsyncGenerator[AIMessageChunk]",
        asked.astream(list(messages), stop=list(sampling.stop) or None, **arguments),
    )
    try:
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                message_id = chunk.id
                if thought := chunk.additional_kwargs.get("reasoning_content"):
                    runtime.stream_writer(ThoughtDelta(thought, step))
                    thinking = True
                elif thinking:
                    runtime.stream_writer(ThoughtDelta("\n\n", step))
                    thinking = False
                # A plain string: LangChain's own type is one more object for the garbage collector.
                if text := str(chunk.text):
                    parts.append(text)
                    on_text(text)
                if on_call is not None and isinstance(chunk, AIMessageChunk):
                    called = called or bool(chunk.tool_call_chunks)
                    for piece in chunk.tool_call_chunks:
                        on_call(piece)
                reason = chunk.response_metadata.get("finish_reason") or reason
    except MalformedCallError as error:
        broken = error.raw
    return Said("".join(parts), reason, called, broken, message_id)


def _arguments(sampling: Sampling) -> dict[str, Any]:
    names = ("max_tokens", "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")
    return {name: value for name in names if (value := getattr(sampling, name)) is not None}

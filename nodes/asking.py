"""One call of the model: streamed, counted, asked again when it says nothing."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langgraph.runtime import Runtime

from nodes.events import ModelCalled
from nodes.state import Context

RETRY_TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class Said:
    """What the model said, and why it ended (stop or length)."""

    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Wish:
    """How one call is to be made."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    def arguments(self) -> dict[str, Any]:
        chosen = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
        }
        return {name: value for name, value in chosen.items() if value is not None}


def bounded(runtime: Runtime[Context], *, stop: tuple[str, ...] = (), fresh: bool = False) -> Wish:
    """A thought's wish: the request's own sampling, the limit of a thought; `fresh` looks for another idea."""
    sampling = runtime.context.sampling
    return Wish(
        max_tokens=runtime.context.limits.max_thought_tokens,
        stop=stop,
        temperature=max(sampling.temperature or 0.0, RETRY_TEMPERATURE) if fresh else sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
    )


async def ask(
    runtime: Runtime[Context],
    messages: Sequence[BaseMessage],
    wish: Wish,
    on_text: Callable[[str], None],
) -> Said:
    """Stream one reply through `on_text`. An empty reply is asked again, warmer, up to `limits.tries` times.

    Raises what the model raises.
    """
    said = Said("", "stop")
    for attempt in range(runtime.context.limits.tries):
        if attempt:
            wish = Wish(wish.max_tokens, wish.stop, RETRY_TEMPERATURE, wish.top_p, (wish.seed or 0) + attempt)
        said = await _once(runtime, messages, wish, on_text)
        if said.text.strip() or wish.max_tokens == 0:
            break
    return said


async def _once(
    runtime: Runtime[Context], messages: Sequence[BaseMessage], wish: Wish, on_text: Callable[[str], None]
) -> Said:
    parts: list[str] = []
    reason = "stop"
    stream = runtime.context.model.astream(list(messages), stop=list(wish.stop) or None, **wish.arguments())
    async with aclosing(stream) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            if text := chunk.text:
                parts.append(text)
                on_text(text)
            reason = chunk.response_metadata.get("finish_reason") or reason
            _report_usage(runtime, chunk)
    return Said("".join(parts), reason)


def _report_usage(runtime: Runtime[Context], chunk: AIMessageChunk) -> None:
    usage = chunk.usage_metadata
    if usage:
        cached = usage.get("input_token_details", {}).get("cache_read", 0)
        runtime.stream_writer(ModelCalled(usage["input_tokens"], usage["output_tokens"], cached))

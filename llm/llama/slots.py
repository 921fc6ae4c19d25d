"""The engine's state for each request and each sequence of the context."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from llm.errors import ModelError
from llm.llama.native import NativeModel, Sampling
from llm.llama.prompt import ChatTurn
from llm.llama.raw_prompt import RawPrompt
from llm.parsing.text_stream import TextStream
from workspace.fair_share import TENANT

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it is generated; the last piece has the `finish_reason` and the counts."""

    text: str
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(slots=True, eq=False)
class Request:
    """One generation. `deliver` is called on the engine's thread with each piece and, at the end, with None or an
    error.
    """

    turns: list[ChatTurn]
    deliver: Callable[[Piece | ModelError], None]
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    raw: RawPrompt | None = None
    """The prompt, instead of `turns`."""
    tools: tuple[dict[str, Any], ...] = ()
    """Shown to the model by its template, in OpenAI's format."""
    continues: bool = False
    """The reply continues the last turn, which is the assistant's."""
    tenant: str = field(default_factory=TENANT.get)
    """The user whose share of the slots it takes."""
    cancelled: bool = False
    interrupted: "Run | None" = None
    """Its state, after another user's request took its slot."""


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the context: its cached tokens, and the request that it serves."""

    number: int
    memory: list[int] = field(default_factory=list)
    used_at: int = 0
    run: "Run | None" = None


class Run:
    """A request in its slot."""

    def __init__(self, request: Request, prompt: list[int], cached: int, model: NativeModel) -> None:
        self.request = request
        self.unread = deque(prompt[cached:])
        self.prompt_tokens = len(prompt)
        self.cached = cached
        self.made = 0
        self.text = TextStream(request.stop)
        room = model.window - len(prompt)
        self.limit = room if request.max_tokens is None else min(room, request.max_tokens)
        self.sampler = model.sampler(request.sampling)

    @property
    def reads(self) -> bool:
        """Whether it reads its prompt, or again what it had read and written before it was interrupted."""
        return not self.made or len(self.unread) > 1

    def last(self, text: str, reason: FinishReason) -> Piece:
        return Piece(text, reason, self.prompt_tokens, self.made, self.cached)


def shared_prefix(left: list[int], right: list[int]) -> int:
    """How many tokens two sequences have in common at the start."""
    size = min(len(left), len(right))
    if left[:size] == right[:size]:
        return size
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        if left[:middle] == right[:middle]:
            low = middle
        else:
            high = middle - 1
    return low

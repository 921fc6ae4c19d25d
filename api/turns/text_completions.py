"""Continues plain text with a model, outside of any session. Nothing is stored except the usage."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage

from api.accounts.quotas import Quotas
from api.errors import bad_request, not_found
from api.model_registry import ModelRegistry
from api.runs.access_watch import AccessWatch
from api.runs.event_log import Log
from api.runs.run import Emit, Run
from api.runs.session_locks import SessionLocks
from api.turns.turn import ContextBuilder, charged
from api.wire.answer import usage_of
from api.wire.text_completion import TextCompletion, TextCompletionRequest
from api.wire.types import Usage
from checkpoints.store import Store
from checkpoints.users import User
from nodes.route import AUTO
from nodes.state import Budget

ANY_MODEL = (AUTO, "chat")
"""Names of modes that stand for the default model."""


@dataclass(frozen=True, slots=True)
class LiveCompletion:
    """A run that continues text, and its chunks as they come. The log ends after the run."""

    run: Run
    completion: TextCompletion
    log: Log[dict[str, Any]]
    budget: Budget

    async def chunks(self) -> Sequence[dict[str, Any]]:
        """All of them, once the run has ended."""
        reader, chunks = self.log.reader(), list[dict[str, Any]]()
        while more := await reader.next():
            chunks += more
        return chunks

    def usage(self) -> Usage:
        return usage_of(self.budget.usage)


@dataclass(frozen=True, slots=True)
class TextCompletions:
    """Starts completions."""

    models: ModelRegistry
    quotas: Quotas
    locks: SessionLocks
    access: AccessWatch
    contexts: ContextBuilder
    store: Store

    async def start(self, request: TextCompletionRequest, user: User, stack: AsyncExitStack) -> LiveCompletion:
        """The run owns the stack from here on. Raises 400, 403, 404, 429."""
        name = await self._model_name(request, user)
        model = await self.models.ready(name)
        if not hasattr(model, "infills"):
            raise bad_request("model: this model does not continue plain text", "model", "unsupported_model")
        if request.suffix is not None and not model.infills:
            raise bad_request("suffix: this model cannot fill in text", "suffix", "unsupported_field")
        await stack.enter_async_context(self.quotas.run(user))
        work = _Work(request, model, TextCompletion(name), self.contexts.budget())

        async def run(_emit: Emit) -> None:
            async with charged(work.budget, user.id, self.store):
                await work.run()

        live = self.locks.start_outside(run, stack)
        self.access.add_run(user, live)
        live.when_ended(work.log.close)
        return LiveCompletion(live, work.completion, work.log, work.budget)

    async def _model_name(self, request: TextCompletionRequest, user: User) -> str:
        if request.model not in (*ANY_MODEL, *self.models.names):
            known = ", ".join([*ANY_MODEL, *self.models.names])
            raise not_found(f"model {request.model!r}; models that continue text: {known}", "model")
        return await self.models.choice_of(user, request.model)


@dataclass(slots=True)
class _Work:
    """The choices of one request, one after the other."""

    request: TextCompletionRequest
    model: BaseChatModel
    completion: TextCompletion
    budget: Budget
    log: Log[dict[str, Any]] = field(default_factory=lambda: Log(_characters))

    async def run(self) -> None:
        request = self.request
        for index in range(len(request.prompts) * request.n):
            prompt = request.prompts[index // request.n]
            if request.echo and prompt:
                self.log.append(self.completion.chunk(index, prompt))
            reason = await self._continue(index, prompt) if request.max_tokens else "length"
            self.log.append(self.completion.chunk(index, "", "length" if reason == "length" else "stop"))

    async def _continue(self, index: int, prompt: str) -> str:
        """Returns the finish reason."""
        reason = "stop"
        stream = cast(
            "AsyncGenerator[AIMessageChunk]",
            self.model.astream(
                [HumanMessage(prompt)],
                {"callbacks": [self.budget.usage]},
                stop=self.request.stops or None,
                raw=True,
                **self._options(index),
            ),
        )
        async with aclosing(stream) as parts:
            async for part in parts:
                if text := str(part.text):
                    self.log.append(self.completion.chunk(index, text))
                reason = part.response_metadata.get("finish_reason") or reason
        return reason

    def _options(self, index: int) -> dict[str, Any]:
        request = self.request
        # The choices of one prompt differ, but the same request gives the same choices.
        seed = None if request.seed is None else request.seed + index % request.n
        given = {
            "suffix": request.suffix,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
            "seed": seed,
        }
        return {name: value for name, value in given.items() if value is not None}


def _characters(chunk: dict[str, Any]) -> int:
    return sum(len(choice["text"]) for choice in chunk["choices"])

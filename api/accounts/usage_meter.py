"""Counts the tokens of a run's model calls, those of calls that were cut off too."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from typing_extensions import override

CHARACTERS_A_TOKEN = 4
"""For calls that end before the model has said what it counted."""


class Meter(BaseCallbackHandler):
    """A callback for one run. A call without the model's own count is estimated from what it read and said."""

    run_inline = True

    def __init__(self) -> None:
        self.tokens_in = 0
        self.tokens_out = 0
        self._open: dict[UUID, tuple[int, int]] = {}

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        read = sum(len(message.text) for batch in messages for message in batch)
        self._open[run_id] = (read // CHARACTERS_A_TOKEN + 1, 0)

    @override
    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], *, run_id: UUID, **kwargs: Any) -> None:
        read, said = self._open.get(run_id, (0, 0))
        self._open[run_id] = (read, said + len(token))

    @override
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        counted = [_counted(generation) for batch in response.generations for generation in batch]
        known = [pair for pair in counted if pair is not None]
        if known:
            self._open.pop(run_id, None)
            self.tokens_in += sum(pair[0] for pair in known)
            self.tokens_out += sum(pair[1] for pair in known)
        else:
            self._estimate(run_id)

    @override
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._estimate(run_id)

    def close(self) -> None:
        """The run is over: calls that never ended are counted as far as they came."""
        for run_id in list(self._open):
            self._estimate(run_id)

    def _estimate(self, run_id: UUID) -> None:
        read, said = self._open.pop(run_id, (0, 0))
        self.tokens_in += read
        self.tokens_out += -(-said // CHARACTERS_A_TOKEN)


def _counted(generation: object) -> tuple[int, int] | None:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    return (usage["input_tokens"], usage["output_tokens"]) if usage else None

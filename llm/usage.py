"""The only counter of a run's usage: every call of every model, including those of tools and interrupted ones."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from typing_extensions import override

CHARACTERS_A_TOKEN = 4
"""Used to estimate calls that end before the model reports its count."""


@dataclass(eq=False)
class UsageCounter(BaseCallbackHandler):
    """A LangChain callback for one run, passed to the graph in its config; calls inside tools inherit it.

    Its counts are reported in the answer, deducted from the budget and charged to the user. A call for which the model
    reports no count is estimated from its input and output.
    """

    run_inline = True

    calls: int = 0
    """Calls that have ended."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Input tokens that the model had cached."""
    _open: dict[UUID, int] = field(default_factory=dict)
    """Estimated input tokens of the calls in progress."""

    @property
    def tokens(self) -> int:
        """Input and output tokens."""
        return self.input_tokens + self.output_tokens

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        read = sum(len(message.text) for batch in messages for message in batch)
        self._open[run_id] = read // CHARACTERS_A_TOKEN + 1

    @override
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self._count(run_id, response)

    @override
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._count(run_id, kwargs.get("response"))

    def close(self) -> None:
        """The run is over: calls that never ended are counted by their input."""
        for run_id in list(self._open):
            self._count(run_id, None)

    def _count(self, run_id: UUID, response: LLMResult | None) -> None:
        if run_id not in self._open:
            return
        estimate = self._open.pop(run_id)
        said = [one for batch in response.generations for one in batch] if response else []
        counted = [message for one in said if (message := _message(one)) is not None and message.usage_metadata]
        self.calls += 1
        if not counted:
            self.input_tokens += estimate
            self.output_tokens += -(-sum(len(one.text) for one in said) // CHARACTERS_A_TOKEN)
        for message in counted:
            usage = message.usage_metadata
            assert usage is not None, "those without usage are skipped"
            self.input_tokens += usage["input_tokens"]
            self.output_tokens += usage["output_tokens"]
            self.cached_tokens += usage.get("input_token_details", {}).get("cache_read", 0)


def _message(generation: Generation | object) -> AIMessage | None:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None

"""Streams the answer, within the request's `stop` and `max_tokens`.

In the agent modes, these two apply to the answer, never to a thought.
"""

import re

from langgraph.runtime import Runtime

from llm.parsing.text_stream import TextStream
from nodes.events import AnswerDelta, ThoughtDelta
from nodes.state import Context

_WORDS = re.compile(r"\s*\S+|\s+")


class AnswerWriter:
    """Write the answer's pieces in order, then call `close`. A token is one piece as streamed by the backend."""

    def __init__(self, runtime: Runtime[Context]) -> None:
        self._emit = runtime.stream_writer
        context = runtime.context
        # What `structured_output` converts to the client's format is a thought too, as long as it is plain text.
        self._is_thought = context.plan_step is not None or context.response_format is not None
        self._step = context.plan_step
        self._scan = TextStream(() if self._is_thought else context.sampling.stop)
        self._left = None if self._is_thought else context.sampling.max_tokens
        self._written: list[str] = []
        self._cut = False

    def write(self, piece: str) -> None:
        if self._scan.stopped or self._cut or not piece:
            return
        if self._left is not None:
            if self._left == 0:
                self._cut = True
                return
            self._left -= 1
        self._send(self._scan.feed(piece.encode("utf-8", "replace")))

    def write_whole(self, text: str) -> None:
        """Write a text that was not streamed, word by word."""
        for word in _WORDS.findall(text):
            self.write(word)

    def close(self, reason: str = "stop") -> str:
        """The finish reason: `length` if the answer was truncated, otherwise the model's."""
        self._send(self._scan.flush())
        if self._scan.stopped:
            return "stop"
        return "length" if self._cut else reason

    @property
    def text(self) -> str:
        return "".join(self._written)

    def _send(self, text: str) -> None:
        if text:
            self._written.append(text)
            self._emit(ThoughtDelta(text, self._step) if self._is_thought else AnswerDelta(text))

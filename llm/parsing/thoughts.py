"""Extracts thoughts that a server leaves in a reply's text, `<think>…</think>`, from a stream.

They come first, before any other text; a later tag is ordinary text. Everything except the tags and the whitespace
around them is returned as a thought or as text, in order.
"""

from dataclasses import dataclass

from llm.parsing.text_stream import overlap
from llm.parsing.tool_calls import Words

TAGS = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}
"""As written by Qwen and DeepSeek, by models derived from them, and by Mistral's models."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's thoughts before its reply."""

    text: str


class ThoughtReader:
    """Call it with the text as it comes. An unclosed thought extends to the end."""

    def __init__(self) -> None:
        self._held = ""
        self._state = self._opening
        self._end = ""

    def feed(self, text: str) -> list[Thought | Words]:
        self._held += text
        parts: list[Thought | Words] = []
        while (made := self._state()) is not None:
            parts += made
        return parts

    def flush(self) -> list[Thought | Words]:
        """The rest, when the model has ended."""
        held, self._held = self._held, ""
        if self._state in (self._begun, self._thinking):
            return [Thought(held)] if held.strip() else []
        return [Words(held)] if held and self._state != self._closed else []

    # Each state consumes what it can of `_held` and returns its parts, or None if it needs more text.

    def _opening(self) -> list[Thought | Words] | None:
        said = self._held.lstrip()
        for begin, end in TAGS.items():
            if said.startswith(begin):
                self._held, self._end, self._state = said[len(begin) :], end, self._begun
                return []
        if any(begin.startswith(said) for begin in TAGS):
            return None
        self._state = self._speaking
        return []

    def _begun(self) -> list[Thought | Words] | None:
        """An empty thought, as written by models with thinking disabled, is dropped."""
        self._held = self._held.lstrip()
        if not self._held:
            return None
        self._state = self._thinking
        return []

    def _thinking(self) -> list[Thought | Words] | None:
        thought, end, rest = self._held.partition(self._end)
        if end:
            self._held, self._state = rest, self._closed
            return [Thought(thought)] if thought else []
        sure = len(self._held) - overlap(self._held, self._end)
        thought, self._held = self._held[:sure], self._held[sure:]
        return [Thought(thought)] if thought else None

    def _closed(self) -> list[Thought | Words] | None:
        self._held = self._held.lstrip()
        if not self._held:
            return None
        self._state = self._speaking
        return []

    def _speaking(self) -> list[Thought | Words] | None:
        words, self._held = self._held, ""
        return [Words(words)] if words else None

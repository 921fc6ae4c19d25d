"""Parses tool calls in a model's output, `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, from a stream.

This is the format of Qwen 2.5 and the Hermes models. Small models forget the tags, so a reply that consists only of
such an object, bare or in a fence, is also a call. Everything else is returned as text.
"""

import json
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from llm.parsing.broken_json import read_json, repair_object

CALL_BEGINS, CALL_ENDS = "<tool_call>", "</tool_call>"
_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)')
_FENCE = re.compile(r"```\w*\s*(.*?)\s*(?:```\s*)?", re.DOTALL)
_BARE = re.compile(r"\s*(?:[{`]|\[\s*(?:\{|\Z)|<tools>)")
_TOOLS_TAG = re.compile(r"<tools>\s*(.*?)\s*(?:</tools>\s*)?", re.DOTALL)
# The templates of Qwen 2.5 Coder show the format with two braces, and the model copies them.
_BARE_HEAD = re.compile(r"\s*(?:```\w*|<tools>)?" + _HEAD.pattern.replace(r"\{", r"(?P<outer>\{{1,2})", 1))
_CLOSING = "} \r\n\t`,]"
MAX_UNDECIDED = 300
"""A reply of this many characters is not a bare call, unless it has named a tool by then."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text outside of calls."""

    text: str


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a call: the first has `id` and `name`, the others more of the arguments' JSON."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


Part = Words | CallPiece


def call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class CallReader:
    """Call it with the text as it comes. `names` are the tools that a bare object may call."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held = ""
        self._state = self._opening
        self._depth, self._in_string, self._escaped = 0, False, False
        self._bare, self._outer = False, 0
        self.calls = 0

    def feed(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while (made := self._state()) is not None:
            parts += made
        return parts

    def flush(self) -> list[Part]:
        """The rest, when the model has ended."""
        held, self._held = self._held, ""
        if self._state in (self._in_arguments, self._after):
            return []
        body = held.removeprefix(CALL_BEGINS) if self._state == self._in_call else held
        if self._state in (self._in_call, self._opening) and (calls := self._whole(body)):
            return calls
        return self._words(held)

    # Each state consumes what it can of `_held` and returns its parts, or None if it needs more text.

    def _opening(self) -> list[Part] | None:
        """Only whitespace so far: this may be a bare call."""
        held = self._held
        if not held.strip():
            return None
        if (head := _BARE_HEAD.match(held)) and (name := _loaded(head[2])) in self._names:
            self._bare, self._outer = True, len(head["outer"])
            return self._begin_arguments(name, held[head.end() :])
        undecided = len(held) < MAX_UNDECIDED or '"name"' in held[:MAX_UNDECIDED]
        if CALL_BEGINS not in held and undecided and (_BARE.match(held) or "<tools>".startswith(held.strip())):
            return None
        self._state = self._in_words
        return []

    def _in_words(self) -> list[Part] | None:
        at = self._held.find(CALL_BEGINS)
        if at >= 0:
            words, self._held = self._held[:at], self._held[at:]
            self._state = self._in_call
            return self._words(words.rstrip())
        keep = next((n for n in range(len(CALL_BEGINS) - 1, 0, -1) if self._held.endswith(CALL_BEGINS[:n])), 0)
        words = self._held[: len(self._held) - keep]
        self._held = self._held[len(words) :]
        parts = self._words(words)
        return parts or None

    def _in_call(self) -> list[Part] | None:
        body = self._held[len(CALL_BEGINS) :]
        if head := _HEAD.match(body):
            name = _loaded(head[1])
            if isinstance(name, str) and name:
                self._bare, self._outer = False, 0
                return self._begin_arguments(name, body[head.end() :])
        inside, closed, rest = body.partition(CALL_ENDS)
        if not closed:
            return None
        self._held, self._state = rest, self._in_words
        return self._whole(inside) or self._mended(inside) or self._words(f"{CALL_BEGINS}{inside}{CALL_ENDS}")

    def _begin_arguments(self, name: str, rest: str) -> list[Part]:
        self._held = rest
        self._state = self._in_arguments
        self._depth, self._in_string, self._escaped = 0, False, False
        return [self._begin(name, "")]

    def _in_arguments(self) -> list[Part] | None:
        """An object's JSON is returned as it comes, up to its last brace."""
        written, held = "", self._held
        for at, char in enumerate(held):
            # Small models write a line break inside a string instead of \n.
            written += json.dumps(char)[1:-1] if self._in_string and char < " " else char
            self._step(char)
            if self._depth == 0:
                self._held, self._state, self._depth = held[at + 1 :], self._after, self._outer
                return [CallPiece(self.calls - 1, written)]
        self._held = ""
        return [CallPiece(self.calls - 1, written)] if written else None

    def _step(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif self._in_string:
            self._escaped = char == "\\"
            self._in_string = char != '"'
        elif char == '"':
            self._in_string = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1

    def _after(self) -> list[Part] | None:
        """The rest of a call's block is brackets and tags."""
        if self._bare:
            for at, char in enumerate(self._held):
                if self._depth == 0:
                    self._held = self._held[at:]
                    break
                self._step(char)  # more keys of the same object
            else:
                self._held = ""
                return None
            rest = self._held.lstrip(_CLOSING)
            if not rest or (rest.startswith("<") and "</tools>".startswith(rest[:8]) and len(rest) < 8):
                return None
            self._held, self._state = rest.removeprefix("</tools>"), self._opening
            return []
        ends, again = self._held.find(CALL_ENDS), self._held.find(CALL_BEGINS)
        if ends < 0 and again < 0:
            return None
        if ends >= 0 and (again < 0 or ends < again):
            self._held = self._held[ends + len(CALL_ENDS) :]
        self._state = self._in_words
        return []

    def _words(self, text: str) -> list[Part]:
        return [Words(text)] if text and not (self.calls and not text.strip()) else []

    def _begin(self, name: str, arguments: str) -> CallPiece:
        self.calls += 1
        return CallPiece(self.calls - 1, arguments, call_id(), name)

    def _whole(self, text: str) -> list[Part]:
        """The calls of a text that consists only of calls; empty otherwise."""
        text = text.strip()
        for wrapping in (_TOOLS_TAG, _FENCE):
            if wrapped := wrapping.fullmatch(text):
                text = wrapped[1]
        found = list(_objects(text))
        known = [call for call in found if call[0] in self._names]
        return [self._begin(name, arguments) for name, arguments in known] if len(known) == len(found) else []

    def _mended(self, text: str) -> list[Part]:
        """The call of an object between tags that is no JSON; empty unless it has a tool's name, and arguments."""
        value = read_json(text) or repair_object(text)
        if not isinstance(value, dict) or not value.keys() & {"arguments", "parameters"}:
            return []
        name, arguments = _call(value)
        return [self._begin(name, arguments)] if name in self._names else []


def _objects(text: str) -> Iterator[tuple[str, str]]:
    """`(name, arguments as JSON)` of the objects in a row or in a list; a nameless one marks text that is not a
    call.
    """
    decoder, at = json.JSONDecoder(strict=False), 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield "", ""
            return
        for one in value if isinstance(value, list) else [value]:
            yield _call(one)
        at += len(text[at:]) - len(text[at:].lstrip(" \r\n\t,"))


def _call(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return "", ""
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _loaded(arguments)
    return (value["name"], json.dumps(arguments, ensure_ascii=False)) if isinstance(arguments, dict) else ("", "")


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None

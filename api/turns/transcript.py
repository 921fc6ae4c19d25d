"""Fingerprints of the conversation that a client sends: a chain of SHA-256 hashes over the messages.

Clients change what they send back: whitespace, parts instead of text, thoughts omitted or wrapped into the answer, a
system prompt with today's date; images, files and retrieved passages only in the newest message, images of an answer
under other addresses. None of these changes a fingerprint; roles and words do.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.wire.messages import INSTRUCTIONS, ChatMessage

START = ""
"""The fingerprint of an empty conversation."""
_IMAGE = re.compile(r"!\[[^\[\]]{0,500}\]\([^()\s]{0,4000}\)")
_TAG = re.compile(r"<(?P<closes>/?)(?P<name>think|details)(?:ing)?(?P<more>(?:\s[^<>]{0,300})?)>")


@dataclass(frozen=True, slots=True)
class Transcript:
    """The messages of one request, hashed once."""

    messages: Sequence[ChatMessage]
    fingerprints: Sequence[str]
    """After each message, starting from an empty conversation."""
    system: tuple[str, ...]
    """The client's system messages."""
    instructions: str
    """A digest of the system messages."""
    first_new: int
    """Index of the first message after the last assistant message."""

    @classmethod
    def of(cls, messages: Sequence[ChatMessage]) -> "Transcript":
        """Reads every word and every attachment; call it in a thread."""
        for message in messages:
            _ = message.digests  # cached now, because they are used on the event loop
        system = tuple(message.text for message in messages if message.role in INSTRUCTIONS)
        return cls(messages, chain(START, messages), system, _digest(system), first_new(messages))


def first_new(messages: Sequence[ChatMessage]) -> int:
    """Index of the first message after the last assistant message."""
    return max((at for at, message in enumerate(messages) if message.role == "assistant"), default=-1) + 1


def after(fingerprint: str, message: ChatMessage) -> str:
    """The fingerprint after `message`. System messages and empty answers do not change it."""
    if message.role in INSTRUCTIONS:
        return fingerprint
    calls = [_call(call.model_dump()) for call in message.tool_calls or []]
    result = [message.tool_call_id] if message.tool_call_id else []
    return _next(fingerprint, message.role, message.words, [*calls, *result])


def answered(fingerprint: str, text: str, calls: Iterable[Mapping[str, Any]] = ()) -> str:
    """The fingerprint after an assistant's answer with `text` and with calls of client tools."""
    return _next(fingerprint, "assistant", text, [_call(call) for call in calls])


def same_answer(one: str, other: str) -> bool:
    """Whether two texts are the same answer, as far as fingerprints can tell."""
    return _answer(one) == _answer(other)


def _call(call: Mapping[str, Any]) -> str:
    """Only the ID, because clients rewrite the arguments."""
    return str(call["id"])


def chain(fingerprint: str, messages: Iterable[ChatMessage]) -> list[str]:
    """The fingerprint after each of the messages."""
    found: list[str] = []
    for message in messages:
        fingerprint = after(fingerprint, message)
        found.append(fingerprint)
    return found


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(map(_plain, texts)).encode()).hexdigest()


def _next(fingerprint: str, role: str, text: str, more: Sequence[str]) -> str:
    said = _answer(text) if role == "assistant" else _plain(text)
    if not said and not more and role != "user":
        return fingerprint
    digest = hashlib.sha256()
    for piece in (fingerprint, role, said, *more):
        encoded = piece.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def _answer(text: str) -> str:
    """The words of an answer, without thoughts and images."""
    return _plain(_IMAGE.sub(" ", _without_thoughts(text)))


def _without_thoughts(text: str) -> str:
    """Removes `<think>` blocks, and Open WebUI's `<details>` with the type of what is not part of the answer.

    In one pass: an expression that searches for each end separately takes quadratic time and blocks all threads.
    """
    kept: list[str] = []
    begin, opened, inside = 0, 0, ""
    for tag in _TAG.finditer(text):
        name = tag["name"]
        if tag["closes"]:
            if inside == name:
                kept.append(text[begin:opened])
                begin, inside = tag.end(), ""
        elif not inside and (name == "think" or 'type="' in tag["more"]):
            opened, inside = tag.start(), name
    return " ".join([*kept, text[begin:]])


def _plain(text: str) -> str:
    return " ".join(text.split())

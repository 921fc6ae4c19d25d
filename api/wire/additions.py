"""What a user's message has besides its words: context that a front end added, images and files.

Clients often omit these when the message becomes history. What they repeat must be the same.
"""

from typing import Any

from langchain_core.messages import HumanMessage

from api.wire.added_context import steady
from api.wire.messages import ChatMessage


def additions(message: ChatMessage) -> dict[str, Any]:
    """To be stored with a message: `words`, if it has other text besides; `attached`, a digest of each attachment."""
    stored: dict[str, Any] = {}
    if message.question != message.text:
        stored["words"] = message.question
    if message.attached:
        stored["attached"] = message.digests
    return stored


def contradicts(message: ChatMessage, stored: HumanMessage) -> bool:
    """Whether a message that has the words of a stored one has other context, images or files. Missing ones do not
    count. Reads every word; call it in a thread.
    """
    kept = stored.additional_kwargs
    if not set(message.digests) <= set(kept.get("attached", ())):
        return True
    return message.question != message.text and "words" in kept and not _lines(message.text) <= _lines(stored.text)


def _lines(text: str) -> set[str]:
    return {steady(line) for line in text.splitlines()}

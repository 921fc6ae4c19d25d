"""What a user's message has besides its words: context that a front end added, images and files.

Clients often omit these when the message becomes history. What they repeat must be the same.
"""

import hashlib
import re
from typing import Any

from langchain_core.messages import HumanMessage

from api.wire.messages import ChatMessage, FilePart, ImagePart

_URL_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"'<>)]*")


def additions(message: ChatMessage) -> dict[str, Any]:
    """To be stored with a message: `words`, if it has other text besides; `attached`, a digest of each attachment."""
    stored: dict[str, Any] = {}
    if message.question != message.text:
        stored["words"] = message.question
    if message.attached:
        stored["attached"] = _digests(message)
    return stored


def contradicts(message: ChatMessage, stored: HumanMessage) -> bool:
    """Whether a message that has the words of a stored one has other context, images or files. Missing ones do not
    count.
    """
    kept = stored.additional_kwargs
    if not set(_digests(message)) <= set(kept.get("attached", ())):
        return True
    return message.question != message.text and "words" in kept and not _lines(message.text) <= _lines(stored.text)


def _digests(message: ChatMessage) -> list[str]:
    return [_digest(part) for _, part in message.attached]


def _digest(part: ImagePart | FilePart) -> str:
    """Of the content: neither names nor media types count."""
    data = part.image_url.url if isinstance(part, ImagePart) else part.file.file_data
    if data[:5].lower() == "data:" or isinstance(part, FilePart):
        data = data[data.find(",") + 1 :]
    return hashlib.sha256(_steady(data).encode()).hexdigest()[:32]


def _lines(text: str) -> set[str]:
    return {_steady(line) for line in text.splitlines()}


def _steady(text: str) -> str:
    """Without whitespace and the queries of URLs: a signed URL has another one each time."""
    return " ".join(_URL_QUERY.sub("", text).split())

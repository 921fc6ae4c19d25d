"""Recognizes the requests that a front end makes for itself: a title, tags, follow-up questions."""

import re

MAX_HOUSEKEEPING = 20_000
"""Characters examined; these prompts are recognizable by their beginning and end."""


_SECTIONED = re.compile(r"\A\s*#{1,4} ?(?:Task|Instructions?):")


_ABOUT_A_TALK = re.compile(r"<chat_history>|<type>|#{1,4} ?Chat History:", re.IGNORECASE)


_TITLE = re.compile(
    r"\A\s*(?:please |you are .{0,120}?\. ?)?(?:provide|generate|create|write|give)\b.{0,60}?\btitle\b"
    r".{0,80}?\b(?:conversation|chat|chat history|following query)\b",
    re.IGNORECASE | re.DOTALL,
)


_EMOJI = re.compile(r"\AYour task is to reflect the speaker's likely facial expression", re.IGNORECASE)


def is_housekeeping(text: str) -> bool:
    """Whether this is a front end's own request. `text` is the only message, apart from system prompts."""
    text = text[:MAX_HOUSEKEEPING]
    if _SECTIONED.match(text):
        return bool(_ABOUT_A_TALK.search(text))
    return bool(_TITLE.match(text) or _EMOJI.match(text))

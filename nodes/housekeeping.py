"""Requests that a chat front end makes for itself: a title, tags, follow-up questions, the end of a half-typed line.

They look like questions, but nobody asked them. Told by the form of the prompts that Open WebUI, LibreChat and
others send. A front end's prompt that wraps a person's question in found passages is a question and not of this kind.
"""

import re

MAX_EXAMINED = 20_000
"""Characters looked at; these prompts say what they are at their beginning and end."""

_SECTIONED = re.compile(r"\A\s*#{1,4} ?(?:Task|Instructions?):")
_ABOUT_A_TALK = re.compile(r"<chat_history>|<type>|#{1,4} ?Chat History:", re.IGNORECASE)
_TITLE = re.compile(
    r"\A\s*(?:please |you are .{0,120}?\. ?)?(?:provide|generate|create|write|give)\b.{0,60}?\btitle\b"
    r".{0,80}?\b(?:conversation|chat|chat history|following query)\b",
    re.IGNORECASE | re.DOTALL,
)
_EMOJI = re.compile(r"\AYour task is to reflect the speaker's likely facial expression", re.IGNORECASE)


def is_housekeeping(text: str) -> bool:
    """Is this a front end's own request? `text` is the only thing that was said, system prompts apart."""
    text = text[:MAX_EXAMINED]
    if _SECTIONED.match(text):
        return bool(_ABOUT_A_TALK.search(text))
    return bool(_TITLE.match(text) or _EMOJI.match(text))

"""Recognizes the requests that a front end makes for itself: titles, tags, follow-up questions, queries, summaries.

Such a request is about a conversation, not part of one. Front ends word it differently, and their administrators can
change the words; so the rules look at its form: a prompt in sections with a chat history, or one that wants nothing but
a title or the like of the conversation that follows.
"""

import re

MAX_EXAMINED = 20_000
"""Characters examined; these prompts are recognizable by their beginning and end."""
MAX_INSTRUCTION = 1500
"""Characters at the beginning that have the request itself."""

_SECTIONED = re.compile(r"\A\s*#{1,4} ?(?:Task|Instructions?):", re.IGNORECASE)
_HISTORY = re.compile(
    r"<(?:chat_history|conversation|transcript|messages)>|<type>"
    r"|^#{1,4} ?(?:(?:chat|conversation|message) history|conversation|transcript|messages being \w+) ?:?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_PASSAGES = re.compile(
    r"^[ \t]*<(?P<name>context|documents?|sources?)\b[^<>]*>.*</(?P=name)>", re.DOTALL | re.MULTILINE
)
_TRANSCRIPT = re.compile(
    r"<(?:chat_history|conversation|transcript|messages)>|\"role\": ?\"(?:user|assistant)\""
    r"|^[ \t]*(?:assistant|ai|bot|model)\b ?:",
    re.IGNORECASE | re.MULTILINE,
)

_MADE = (
    r"(?:titles?|headlines?|(?:tags?|keywords|topics?)|follow-?ups?|(?:suggested|next) (?:questions|prompts|messages)"
    r"|search quer(?:y|ies)|summary|memory|memories|sentence of \w+ words)"
)
_TALK = (
    r"(?:(?:conversation|chat|dialogue?|thread|discussion)s?(?: history)?|first message"
    r"|user'?s? (?:request|message|query)|following (?:query|message|request))\b"
    r"(?!-| (?:app|bot|room|group|between|with)\b)"
)
_THIS = r"(?:the|this|that|our|an?)"
_FOR_A_TALK = re.compile(
    rf"\b{_MADE}\b[^.\n]{{0,80}}\b(?:for|of|to|from|about|summari[sz]ing|describing|based on|find|in)\b[^.\n]{{0,60}}"
    rf"\b{_THIS}\b[^.\n]{{0,30}}\b{_TALK}"
    rf"|\b{_THIS}\b[^.\n]{{0,30}}\b{_TALK}[^.\n]{{0,60}}"
    rf"\b(?:an?|whether|long-term)\b(?: [\w,-]+){{0,5}} (?:{_MADE}|name)\b"
    r"|(?:会话|对话|聊天).{0,60}标题|标题.{0,60}(?:会话|对话|聊天)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"\b(?:only|just|solely|nothing else|JSON|no (?:quotes|quotation|punctuation|explanation|other text|extra text)"
    r"|without (?:quotes|punctuation|explanation)|(?:\d+|two|three|four|five|six|ten)[- ](?:words?|characters))\b|字",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\A\s*(?:you are|you(?:r task is to| will| must| need to| should)|act as|generate|create|write|provide"
    rf"|summari[sz]e)\b[^\n]{{0,200}}?\b{_MADE}\b|\A[^\n]{{0,100}}标题",
    re.IGNORECASE,
)
_REPHRASED = re.compile(r"\b(?:rephrase|rewrite|reformulate)\b[^.\n]{0,120}\bstandalone\b", re.IGNORECASE)
_EMOJI = re.compile(r"\A[^`\"]{0,400}\bemojis?\b.*^Message: ?(?:`{3}|\"{3})", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_MERGED = re.compile(
    r"\A[^\n]{0,200}\bresponses\b[^\n]{0,60}\bmodels\b.*^(?:model )?responses(?: from [\w ]{1,30})?:",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_TOOLS = re.compile(r"\A\s*(?:available )?tools:.*\btool_calls\b", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"\A\s*(?:query|history):", re.IGNORECASE)


def is_housekeeping(text: str, system: str = "") -> bool:
    """Whether this is a front end's own request. `text` has the user's messages and `system` the system messages; there
    are no answers.
    """
    text, system = text[:MAX_EXAMINED], system[:MAX_EXAMINED]
    if _SECTIONED.match(text):
        return bool(_HISTORY.search(_without_passages(text)))
    if _TOOLS.match(system) and _QUERY.match(text):
        return True
    if _asks_about_a_talk(system) and _ROLE.match(system) and _ALONE.search(system):
        return True
    if _asks_about_a_talk(text) or _REPHRASED.search(text[:MAX_INSTRUCTION]):
        return bool(_TRANSCRIPT.search(text) or _ALONE.search(text[:MAX_INSTRUCTION]))
    return bool(_EMOJI.match(text) or _MERGED.match(text))


def _asks_about_a_talk(text: str) -> bool:
    return bool(_FOR_A_TALK.search(text[:MAX_INSTRUCTION]))


def _without_passages(text: str) -> str:
    """Without retrieved passages, which can contain anything; those inside of a chat history do not count."""
    passages, history = _PASSAGES.search(text), _HISTORY.search(text)
    if passages is None or (history is not None and history.start() < passages.start()):
        return text
    return text[: passages.start()] + text[passages.end() :]

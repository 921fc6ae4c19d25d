"""Rules for the client's instructions: some make the client the agent, and this service only its model."""

import re

LONG = 2000
"""Characters from which instructions describe a program of the client's own."""
SHORT = 300
"""Shorter ones are only a tone or a topic."""
MAX_EXAMINED = 200_000
_TOOLS = re.compile(
    r"\byou (?:have|are given|are provided with|can use)\b[^.\n]{0,60}\b(?:tools|functions|commands)\b"
    r"|\b(?:tools|functions|commands)(?: that are)? available\b|\bavailable (?:tools|functions|commands)\b"
    r"|^#{1,4} [^\n]{0,60}\btools?\b"
    r"|^\W{0,9}(?:tools?|functions?)(?: (?:use|usage|calls?|calling|definitions?))?\W{0,9}$"
    r"|\b(?:emit|make|use|issue|invoke)\w{0,3}\b[^.\n]{0,20}\b(?:tool|function) ?calls?\b"
    r"|\bcall(?:ing)? (?:a|the|one|these|your) (?:tool|function)s?\b|<(?:tool|function|invoke|action)(?:s|_\w{1,40})?>"
    r"|<\w{1,40}_\w{1,40}>\s{0,9}<\w{1,40}>|^Action Input:",
    re.IGNORECASE | re.MULTILINE,
)
_EDITS = re.compile(
    r"SEARCH/REPLACE|<{5,9} ?SEARCH|\bunified diffs?\b|\bapply_patch\b|\*\*\* Begin Patch|\bfile listing\*? format"
)
_FORMAT = re.compile(
    r"\b(?:output|response|reply|answer) format\b|\b(?:this|the following|exact)\b[^.\n]{0,30}\bformat\b"
    r"|\b(?:respond|reply|answer|output|return|produce)\w{0,3}\b[^.\n]{0,80}"
    r"\b(?:json|xml|yaml|csv|diffs?|code blocks?)\b",
    re.IGNORECASE,
)
_SCHEMA = re.compile(r"\"properties\"\s{0,9}:")


def defines_tools(text: str, *, tools: bool = False) -> bool:
    """Whether these instructions make the model part of a program with its own tools or edit format; `tools`: the
    client also sends tool definitions.
    """
    text = text[:MAX_EXAMINED]
    if len(text) >= LONG and (tools or _TOOLS.search(text)):
        return True
    return len(text) >= SHORT and bool(_EDITS.search(text))


def defines_format(text: str) -> bool:
    """Whether they prescribe the form of the whole reply: at length, or as a JSON schema."""
    text = text[:MAX_EXAMINED]
    return bool(_FORMAT.search(text)) and (len(text) >= LONG or bool(_SCHEMA.search(text)))

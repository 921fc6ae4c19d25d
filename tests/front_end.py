"""The tools of a front end that attaches all of its own to every chat: 36, some 6,500 tokens for the embedded model."""

from typing import Any

NOUNS = "note memory event channel chat calendar task skill folder prompt tag reminder"
VERBS = {
    "add": "Creates a new {noun} for the user, and returns it with its identifier.",
    "list": "Lists every {noun} of the user, newest first, with its identifier, title and time of the last change.",
    "view": "Returns the whole content of one {noun}, as Markdown, with its identifier, title and owner.",
}
FIELDS = {
    "query": ("string", "Words that the title or the content of the {noun} should contain. Leave it empty for any."),
    "identifier": ("string", "The identifier of the {noun}, as returned by the other functions, never its title."),
    "count": ("integer", "The maximum number of results to return, at least 1 and at most 50. The default is 5."),
    "since": ("string", "Only what was changed since this time, in ISO 8601 with the offset of the user's time zone."),
}


def tool(name: str, description: str = "", fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A client tool in OpenAI's format."""
    schema = {"type": "object", "properties": {"x": {"type": "string"}} if fields is None else fields}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def _described(verb: str, noun: str) -> dict[str, Any]:
    fields = {name: {"type": kind, "description": text.format(noun=noun)} for name, (kind, text) in FIELDS.items()}
    return tool(f"{verb}_{noun}", VERBS[verb].format(noun=noun), fields)


FRONT_END = [_described(verb, noun) for verb in VERBS for noun in NOUNS.split()]

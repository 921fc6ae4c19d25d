"""A whole conversation as a Markdown document. What people and models wrote is quoted, never trusted."""

import re
from typing import Any

from tools.names import PYTHON_CODER

_FENCES = re.compile(r"`{3,}|~{3,}")


def markdown(conversation: dict[str, Any]) -> str:
    """The conversation of `GET /api/conversations/{id}`, complete.

    Every text stands in a fence longer than any inside it: no message can end its own, forge a speaker, or bring
    HTML, links or images to life in whatever shows the document.
    """
    head = (
        f"# {_inline(conversation['title'] or 'Conversation')}",
        f"Session `{conversation['session_id']}`, begun {conversation['created_at']}.",
    )
    return "\n\n".join([*head, *map(_message, conversation["messages"])]) + "\n"


def _message(message: dict[str, Any]) -> str:
    artifacts = message.get("artifacts", [])
    return "\n\n".join(
        [
            f"## {message['role'].capitalize()}, {message['timestamp']}",
            *(f"File: {_inline(name)}" for name in message.get("files", [])),
            *(_step(step) for step in message.get("steps", [])),
            fenced(message["content"]),
            *(f"Artifact: {_inline(file['filename'])} ({file['bytes']} bytes)" for file in artifacts),
        ]
    )


def _step(step: dict[str, Any]) -> str:
    parts = [f"### Step {step['index']}: {_inline(step['tool'])}"]
    if step["thought"].strip():
        parts.append(fenced(step["thought"]))
    language = "python" if step["tool"] == PYTHON_CODER else ""
    parts += [fenced(step["input"], language), "Observation:", fenced(step["observation"])]
    return "\n\n".join(parts)


def fenced(text: str, language: str = "text") -> str:
    """`text` in a code block that it cannot end."""
    longest = max((len(run) for run in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _inline(text: str) -> str:
    """One line in which no character of Markdown or HTML means anything."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!:])", r"\\\1", " ".join(text.split()))

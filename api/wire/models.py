"""Entries of `/v1/models`, with names and descriptions for people who choose one in a front end's list."""

from dataclasses import dataclass

from pydantic import BaseModel


class ModelMeta(BaseModel):
    description: str


class ModelInfo(BaseModel):
    """The description again, where Open WebUI reads it."""

    meta: ModelMeta


class ModelView(BaseModel):
    """A model in OpenAI's format, with a name and a description for people. `context_length` is in tokens."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str
    name: str
    description: str
    context_length: int | None
    info: ModelInfo


class ModelList(BaseModel):
    object: str = "list"
    data: list[ModelView]


@dataclass(frozen=True, slots=True)
class Description:
    """What a person reads about a mode."""

    name: str
    text: str


DESCRIPTIONS = {
    "auto": Description(
        "Assistant (automatic)",
        "Chooses for each message: a direct answer, or an agent that runs Python, reads your files and searches the"
        " web. The best choice if you are not sure.",
    ),
    "chat": Description("Chat only", "Answers from the conversation alone. The fastest; it runs no tools."),
    "react": Description(
        "Agent",
        "Works step by step: runs Python, which remembers the variables of the conversation, reads your files and"
        " searches the web.",
    ),
    "plan_execute": Description(
        "Agent with a plan",
        "Divides a question with several parts into steps, works on them one by one or in parallel, and combines the"
        " results.",
    ),
}
"""By mode. A mode without an entry is shown by its ID."""

"""Response bodies of conversations and files."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Artifact(BaseModel):
    """A file of a session."""

    filename: str
    url: str
    mime: str
    bytes: int


class Artifacts(BaseModel):
    artifacts: list[Artifact]


class Conversation(BaseModel):
    """Times are ISO 8601 in UTC."""

    session_id: str
    title: str
    created_at: str
    updated_at: str
    message_count: int


class Conversations(BaseModel):
    """One page, most recently used first."""

    sessions: list[Conversation]
    has_more: bool
    next_cursor: str | None = Field(description="the `cursor` of the next page")


class Message(BaseModel):
    """OpenAI's role and content. Assistant messages have `steps`, `artifacts`, `agent_type`; user messages have
    `files`.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    timestamp: str
    files: list[str] | None = None
    agent_type: str | None = None
    steps: list[dict[str, Any]] | None = None
    artifacts: list[Artifact] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class History(BaseModel):
    session_id: str
    messages: list[Message]


class WholeConversation(Conversation):
    """A conversation with its messages and artifacts."""

    messages: list[Message]
    artifacts: list[Artifact]


class Deleted(BaseModel):
    session_id: str
    deleted: Literal[True] = True


class Cancelled(BaseModel):
    """`cancelled` is false if nothing was running."""

    session_id: str
    cancelled: bool


class SearchState(BaseModel):
    """`detail` says how far reading has come, why the document cannot be read, or what is missing."""

    state: Literal["queued", "reading", "searchable", "unreadable"]
    detail: str


class UserFile(BaseModel):
    """`name` is chosen by the service and used in programs and URLs; `label` is the original file name."""

    name: str
    label: str
    url: str
    mime: str
    bytes: int
    sha256: str
    created_at: str
    search: SearchState | None = Field(
        default=None, description="whether the document can be searched; null for files that are not searched"
    )


class UserFiles(BaseModel):
    """One page, newest first."""

    files: list[UserFile]
    has_more: bool
    next_cursor: str | None = Field(description="the `cursor` of the next page")


class Uploaded(BaseModel):
    files: list[UserFile]


class DeletedFile(BaseModel):
    name: str
    deleted: Literal[True] = True

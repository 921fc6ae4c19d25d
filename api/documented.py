"""The wire of conversations and files, as the OpenAPI document shows it."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from workspace.workspaces import SESSION_ID


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Every error has OpenAI's shape."""

    error: ErrorDetail


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
    """One page, the conversation used last first."""

    sessions: list[Conversation]
    has_more: bool
    next_cursor: str | None = Field(description="the `cursor` of the next page")


class Message(BaseModel):
    """OpenAI's role and content; `steps`, `artifacts` and `agent_type` are the assistant's, `files` the user's."""

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
    """Everything that is kept of a conversation."""

    messages: list[Message]
    artifacts: list[Artifact]


class Deleted(BaseModel):
    session_id: str
    deleted: Literal[True] = True


class Cancelled(BaseModel):
    """`cancelled` is false when nothing was under way."""

    session_id: str
    cancelled: bool


class UserFile(BaseModel):
    """`name` is the service's and stands in programs and URLs; `label` is what the file was called."""

    name: str
    label: str
    url: str
    mime: str
    bytes: int
    sha256: str
    created_at: str


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


MEANINGS = {
    400: "The request is not understood; `param` names the field.",
    401: "No valid token or key, where one is required.",
    403: "Not with this role, or not from there.",
    404: "There is no such thing, or it is somebody else's.",
    408: "The request made no progress.",
    409: "Somebody else was faster; try again.",
    410: "It is not kept any more.",
    413: "Too large, too many, or no room left.",
    415: "Another content type is needed.",
    416: "The range lies outside the file.",
    429: "Too much at once; wait for as long as `Retry-After` says.",
    503: "The service cannot do it now.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for these statuses."""
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in statuses}


def binary(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for a 200 whose body is a file."""
    return {200: {"description": "The file", "content": dict.fromkeys(kinds, _BYTES)}}


_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_KINDS = ("application/octet-stream", "image/png", "image/jpeg", "image/gif", "image/webp")
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    **binary(*_KINDS),
    206: {
        "description": "A part of the file",
        "content": dict.fromkeys((*_KINDS, "multipart/byteranges"), _BYTES),
    },
    **errors(404, 416),
}


RUN_HEADERS: list[dict[str, Any]] = [
    {
        "name": "X-Run-Policy",
        "in": "header",
        "description": "what to do while the session answers another message; RUN_POLICY when left out",
        "schema": {"type": "string", "enum": ["reject", "enqueue", "interrupt"]},
    },
    {
        "name": "X-Session-ID",
        "in": "header",
        "description": "the session to go on in; the field `session_id` counts before it",
        "schema": {"type": "string", "pattern": f"^{SESSION_ID.pattern}$"},
    },
]
"""Of the requests that start a run."""

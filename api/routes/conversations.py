"""`/api/conversations`: a user's own sessions. `/api/chat/sessions` and `/api/chat/history` are aliases."""

import asyncio
import re
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.dependencies import current_user, own_session, room_to_delete, services_of
from api.errors import bad_request, not_found
from api.files.downloads import SAFE, content_disposition
from api.openapi import errors
from api.routes.schemas import Cancelled, Conversation, Conversations, Deleted, History, WholeConversation
from api.services import Services
from api.turns.history import iso, public_messages
from api.wire.steps import public_artifact
from checkpoints.cursor import START, BadCursorError, Cursor
from checkpoints.sessions import Session
from checkpoints.users import User
from tools.names import PYTHON_CODER
from workspace.folder import file_infos
from workspace.names import safe_name

router = APIRouter()
BASES = ("/api/conversations", "/api/chat/sessions")
MAX_PAGE = 100

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="entries per page")]
After = Annotated[str | None, Query(max_length=300, description="`next_cursor` of the previous page")]


class Renaming(BaseModel):
    """The fields of a conversation that can be changed."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=1000, description="truncated to one line of 80 characters")

    @field_validator("title")
    @classmethod
    def _says_something(cls, title: str) -> str:
        title.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
        if not title.strip():
            raise ValueError("the title is empty")
        return title


def cursor_of(text: str | None) -> Cursor:
    """Raises 400."""
    try:
        return Cursor.decode(text) if text else START
    except BadCursorError as error:
        raise bad_request(f"cursor: {error}", "cursor", "invalid_cursor") from error


async def list_conversations(
    limit: Limit = 50,
    cursor: After = None,
    q: Annotated[str, Query(max_length=200, description="words to find in titles and messages, as plain text")] = "",
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> Conversations:
    """List your conversations, most recently used first."""
    found = await services.store.sessions.page(user.id, after=cursor_of(cursor), limit=limit + 1, query=q)
    page = found[:limit]
    more = len(found) > limit
    return Conversations(
        sessions=[Conversation(**_described(listed.session, listed.messages)) for listed in page],
        has_more=more,
        next_cursor=page[-1].cursor.encode() if more else None,
    )


async def get_conversation(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> WholeConversation:
    """Return one conversation with its messages, steps and files."""
    return WholeConversation.model_validate(await _whole(session, services))


async def get_history(session: Session = Depends(own_session), services: Services = Depends(services_of)) -> History:
    """Return the messages of a conversation."""
    messages = public_messages(session, await services.history.messages(session.id))
    return History.model_validate({"session_id": session.id, "messages": messages})


async def rename_conversation(
    body: Renaming, session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> Conversation:
    """Rename a conversation."""
    renamed = await services.store.sessions.rename(session.id, session.owner, body.title)
    if renamed is None:
        raise not_found("session")
    return Conversation(**_described(renamed, await services.store.sessions.count_messages(session.id)))


async def delete_conversation(
    session_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Deleted:
    """Delete a conversation with its files and variables. A running answer is stopped.

    Can be repeated if it did not succeed.
    """
    await services.deletions.delete(session_id, user.id)
    return Deleted(session_id=session_id)


@router.get(
    "/api/conversations/{session_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "The complete conversation",
            "content": {"application/json": {}, "text/markdown": {"schema": {"type": "string"}}},
        },
        **errors(400, 404),
    },
)
async def export_conversation(
    session: Session = Depends(own_session),
    services: Services = Depends(services_of),
    format: Annotated[Literal["json", "markdown"], Query()] = "json",  # noqa: A002 (the wire's word)
) -> Response:
    """Export the complete conversation as a file."""
    whole = await _whole(session, services)
    suffix = "md" if format == "markdown" else "json"
    headers = {
        **SAFE,
        "Content-Disposition": content_disposition(safe_name(f"{session.title or 'conversation'}.{suffix}")),
    }
    if format == "markdown":
        return Response(markdown(whole), media_type="text/markdown; charset=utf-8", headers=headers)
    return JSONResponse(whole, headers=headers)


@router.get("/api/conversations/{session_id}/variables", responses=errors(404))
async def list_variables(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> dict[str, Any]:
    """List the Python variables: name, type, shape, size in bytes, whether they survive the kernel and, if not, why."""
    variables = await services.workspaces.variables(session.id)
    return {"variables": [asdict(variable) for variable in variables]}


async def cancel_run(session: Session = Depends(own_session), services: Services = Depends(services_of)) -> Cancelled:
    """Cancel the running answer. When this returns, the session can receive the next message."""
    return Cancelled(session_id=session.id, cancelled=await services.locks.cancel(session.id))


def _described(session: Session, messages: int) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "title": session.title,
        "created_at": iso(session.created),
        "updated_at": iso(session.updated),
        "message_count": messages,
    }


async def _whole(session: Session, services: Services) -> dict[str, Any]:
    messages = public_messages(session, await services.history.messages(session.id))
    infos = await asyncio.to_thread(file_infos, services.workspaces.folder(session.id))
    return {
        **_described(session, len(messages)),
        "messages": messages,
        "artifacts": [public_artifact(session.id, info) for info in infos],
    }


for base in BASES:
    router.get(base, responses=errors(400))(list_conversations)
    router.get(f"{base}/{{session_id}}", response_model_exclude_unset=True, responses=errors(404))(get_conversation)
    router.patch(f"{base}/{{session_id}}", responses=errors(400, 404))(rename_conversation)
    router.delete(f"{base}/{{session_id}}", dependencies=[Depends(room_to_delete)], responses=errors(404, 503))(
        delete_conversation
    )
    router.post(f"{base}/{{session_id}}/cancel", responses=errors(404))(cancel_run)
router.get("/api/chat/history/{session_id}", response_model_exclude_unset=True, responses=errors(404))(get_history)
router.get("/api/conversations/{session_id}/messages", response_model_exclude_unset=True, responses=errors(404))(
    get_history
)


_FENCES = re.compile(r"`{3,}|~{3,}")


def markdown(conversation: dict[str, Any]) -> str:
    """Format the result of `GET /api/conversations/{id}` as Markdown.

    Every text is in a fence longer than any inside it, so no message can close its fence, forge a speaker, or make a
    viewer render its HTML, links or images.
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
    """`text` in a code block that the text cannot close."""
    longest = max((len(run) for run in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _inline(text: str) -> str:
    """One line without characters that are special in Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!:])", r"\\\1", " ".join(text.split()))

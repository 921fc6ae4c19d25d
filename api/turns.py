"""A turn: find or make the session, take in the files, run the graph."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from fastapi import Request
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from api.attached import first_new, take_attached
from api.briefing import Briefing
from api.errors import bad_request, not_found
from api.forms import Incoming, chunks
from api.runs import Emit
from api.schemas import AGENT_TYPES, ChatMessage, ChatRequest
from api.services import Services
from checkpoints.sessions import Session
from checkpoints.users import User
from nodes.events import Event, ToolOutput
from nodes.state import Context, Sampling
from tools import build_all
from workspace.session import SessionWorkspace
from workspace.workspaces import SESSION_ID

MAX_STREAMED_OUTPUT = 50_000
"""Characters of programs' output that one turn streams; the steps hold what the model was shown of the rest."""
SPEAKERS = {"user": HumanMessage, "assistant": AIMessage, "system": SystemMessage, "developer": SystemMessage}


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything a run needs."""

    session: Session
    workspace: SessionWorkspace
    messages: list[AnyMessage]
    chat: ChatRequest
    user: User


def asked_session(request: Request, chat: ChatRequest) -> str | None:
    """The session that the client names: field, header or metadata."""
    in_metadata = (chat.metadata or {}).get("session_id")
    session_id = chat.session_id or request.headers.get("x-session-id") or in_metadata
    return str(session_id) if session_id else None


def wanted_mode(chat: ChatRequest, services: Services) -> str:
    """`agent_type` wins over `model`; a backend's model runs in `auto`. Raises 404 for an unknown model."""
    if chat.agent_type is not None:
        return chat.agent_type
    if chat.model in AGENT_TYPES:
        return chat.model
    if chat.model == services.model_name:
        return "auto"
    known = ", ".join([*AGENT_TYPES, services.model_name])
    raise not_found(f"model as {chat.model!r}; there are: {known}", "model")


@asynccontextmanager
async def hold_session(
    asked: str | None, services: Services, user: User, *, first_words: str
) -> AsyncIterator[tuple[Session, SessionWorkspace]]:
    """The session asked for, or a new one, held for as long as the block runs.

    Raises 400 and 404 for an id that is none or not the user's, 409 while the session answers somebody else.
    """
    sessions = services.store.sessions
    if asked is None:
        session = await sessions.create(user.id, first_words)
    elif not SESSION_ID.fullmatch(asked):
        raise bad_request("session_id: this is not a session id", "session_id", "invalid_session_id")
    elif (found := await sessions.get(asked, user.id)) is None:
        raise not_found("session", "session_id")
    else:
        session = found
    with services.runs.hold(session.id):
        try:
            yield session, await services.workspaces.open(session.id, user.id)
        finally:
            await services.workspaces.rest()


@asynccontextmanager
async def open_turn(request: Request, incoming: Incoming, services: Services, user: User) -> AsyncIterator[Turn]:
    """Hold the session and take in the files. A new session whose start fails leaves nothing behind."""
    chat = incoming.chat
    wanted_mode(chat, services)
    asked = asked_session(request, chat)
    first_words = chat.messages[-1].text
    async with hold_session(asked, services, user, first_words=first_words) as (session, workspace):
        taken = False
        try:
            names = await _take_files(incoming, workspace, services)
            taken = True
        finally:
            if not taken and asked is None:
                await services.workspaces.discard(session.id)
                await services.store.sessions.delete(session.id)
        if names:
            services.documents.schedule(user.id, session.id)
        yield Turn(
            session=session,
            workspace=workspace,
            messages=to_messages(chat.messages, names, only_new=asked is not None),
            chat=chat,
            user=user,
        )


async def _take_files(incoming: Incoming, workspace: SessionWorkspace, services: Services) -> list[str]:
    """Store the uploads, and what is in the new messages: all of them, or none."""
    names: list[str] = []
    complete = False
    try:
        for upload in incoming.files:
            info = await workspace.add_file(upload.filename or "file", chunks(upload))
            names.append(info.name)
        await take_attached(incoming.chat, workspace, services, names)
        complete = True
    finally:
        if not complete:
            await workspace.remove_files(names)
    return names


def to_messages(given: list[ChatMessage], files: list[str], *, only_new: bool) -> list[AnyMessage]:
    """The messages that the conversation gains; in a known session only what follows the last assistant's."""
    if only_new:
        given = given[first_new(given) :]
    messages: list[AnyMessage] = [
        SPEAKERS[message.role](content=message.text, id=str(uuid.uuid4())) for message in given
    ]
    if files:
        messages[-1].additional_kwargs["files"] = files
    return messages


def work(turn: Turn, services: Services) -> Callable[[Emit], Coroutine[None, None, None]]:
    """The run of a turn: the top graph, its custom stream handed to `emit`."""
    start: dict[str, Any] = {"messages": turn.messages, "wanted_mode": wanted_mode(turn.chat, services)}

    async def run(emit: Emit) -> None:
        context = _context(turn, services, emit)
        config: RunnableConfig = {"configurable": {"thread_id": turn.session.id}, "recursion_limit": 200}
        # langgraph types its generator as a bare iterator; `aclosing` needs to know better.
        stream = cast(
            "AsyncGenerator[tuple[tuple[str, ...], str, Event]]",
            services.graph.astream(start, config, context=context, stream_mode=["custom"], subgraphs=True),
        )
        async with aclosing(stream) as parts:
            async for _namespace, _mode, event in parts:
                emit(event)
        await services.store.sessions.touch(turn.session.id)

    return run


def _context(turn: Turn, services: Services, emit: Emit) -> Context:
    chat, room = turn.chat, MAX_STREAMED_OUTPUT

    def show(text: str) -> None:
        nonlocal room
        if room > 0:
            emit(ToolOutput(text[:room]))
            room -= len(text)

    library = services.library(turn.user.id)
    briefing = Briefing(services.reader(turn.user.id), turn.workspace, library, chat.messages[-1].text)
    return Context(
        model=services.model,
        tools=build_all(services.tool_kit(turn.workspace, turn.user.id, show)),
        workspace=turn.workspace,
        library=library,
        describe=briefing,
        sampling=Sampling(
            temperature=chat.temperature,
            top_p=chat.top_p,
            seed=chat.seed,
            max_tokens=chat.token_limit,
            stop=chat.stops,
        ),
        limits=services.settings.limits(),
        user=turn.user.id,
    )

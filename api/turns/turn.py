"""A turn: find or make the session, take in the files, run the graph."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from starlette.requests import HTTPConnection

from api.errors import ApiError
from api.runs.run import Emit, whole
from api.services import Services
from api.turns.attachments import first_new, take_attached
from api.turns.fingerprints import answered, chain, instructions
from api.turns.fork import discard
from api.turns.history import messages_of
from api.turns.matching import hold_history
from api.turns.options import (
    asked_session,
    check_wishes,
    client_tools,
    sampling_of,
    steps_for,
    wanted_mode,
    wanted_model,
    wanted_policy,
)
from api.turns.request import Incoming
from api.turns.session_claim import Held, hold_point, hold_session
from api.wire.answer import Answer
from api.wire.chat_request import ChatRequest
from api.wire.conversion import open_calls, to_messages
from checkpoints.sessions import Session
from checkpoints.users import User
from nodes.events import AnswerDelta, Event, ToolOutput
from nodes.react.file_context import Briefing
from nodes.state import Budget, Context
from tools import build_all
from workspace.session import SessionWorkspace

MAX_STREAMED_OUTPUT = 50_000
"""Characters of programs' output that one turn streams; the steps hold what the model was shown of the rest."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything a run needs."""

    session: Session
    workspace: SessionWorkspace
    messages: list[AnyMessage]
    chat: ChatRequest
    given: Incoming
    user: User
    mode: str
    model: str
    """The backend's model that answers."""
    fingerprint: str
    """Of the conversation up to the question."""
    instructions: str
    """A digest of the client's system prompt."""
    system: tuple[str, ...] | None
    """The client's system messages, when it has sent all that was said; None: those of the session count."""
    address: str
    """How the client calls the service: scheme, host and port."""
    note: "Note"


@dataclass(slots=True)
class Note:
    """What is known of the turn's answer: all of it once the run has ended."""

    answer: Answer
    number: int = 0
    """Of its row; 0 until it has one."""
    checkpoint: str | None = None
    """The turn's end: with the session's id a `Point` that others can begin at."""


@asynccontextmanager
async def open_turn(request: HTTPConnection, incoming: Incoming, services: Services, user: User) -> AsyncIterator[Turn]:
    """Hold the session and take in the files. A new session whose start fails leaves nothing behind."""
    chat = incoming.chat
    if user.role == "guest" and (incoming.files or any(message.attached for message in chat.messages)):
        raise ApiError(403, "Guests chat without files.", param="files", code="forbidden")
    mode = wanted_mode(chat, services, user)
    model = await wanted_model(chat, services, user)
    await check_wishes(chat, services.models.get(model))
    async with _hold(request, incoming, services, user) as held:
        session, workspace = held.session, held.workspace
        taken = False
        try:
            waiting = open_calls(await messages_of(session, services))
            messages = to_messages(held.new, len(chat.messages) - len(held.new), waiting)
            names = await _take_files(incoming, workspace, services)
            if names:
                messages[-1].additional_kwargs["files"] = names
            taken = True
        finally:
            if not taken and held.made:
                await discard(session, services)
        if names:
            services.documents.schedule(user.id, session.id)
        prints = await asyncio.to_thread(chain, held.fingerprint, held.new)
        yield Turn(
            session=session,
            workspace=workspace,
            messages=messages,
            chat=chat,
            given=incoming,
            user=user,
            mode=mode,
            model=model,
            fingerprint=prints[-1] if prints else held.fingerprint,
            instructions=await asyncio.to_thread(instructions, chat.messages),
            system=held.system,
            address=address_of(request, services),
            note=Note(Answer(session.id)),
        )


@asynccontextmanager
async def _hold(request: HTTPConnection, incoming: Incoming, services: Services, user: User) -> AsyncIterator[Held]:
    """In a session that the client names, only what follows its last assistant message is new."""
    chat, policy = incoming.chat, wanted_policy(request, services)
    if incoming.point is not None:
        async with hold_point(incoming.point, services, user, policy=policy) as held:
            yield replace(held, new=chat.messages)
        return
    asked = asked_session(request, chat)
    if asked is None:
        async with hold_history(chat.messages, services, user, with_files=bool(incoming.files)) as held:
            yield held
        return
    async with hold_session(asked, services, user, first_words="", policy=policy) as held:
        yield replace(held, new=chat.messages[first_new(chat.messages) :])


async def _take_files(incoming: Incoming, workspace: SessionWorkspace, services: Services) -> list[str]:
    """Store the uploads, and what is in the new messages: all of them, or none."""
    names: list[str] = []
    complete = False
    try:
        for upload in incoming.files:
            info = await workspace.take_file(upload.label, upload.path)
            names.append(info.name)
        await take_attached(incoming.chat, workspace, services, names)
        complete = True
    finally:
        if not complete:
            await workspace.remove_files(names)
    return names


def work(turn: Turn, services: Services) -> Callable[[Emit], Coroutine[None, None, None]]:
    """The run of a turn: the top graph, its custom stream handed to `emit`."""
    start: dict[str, Any] = {"messages": turn.messages, "wanted_mode": turn.mode}

    async def run(emit: Emit) -> None:
        sessions, answer = services.store.sessions, turn.note.answer
        async with recorded(turn, services, answer):
            model = await services.ready_model(turn.model)
            context = _context(turn, services, model, emit)
            async with services.metered(turn.user) as meter:
                config: RunnableConfig = {
                    "configurable": {"thread_id": turn.session.id},
                    "recursion_limit": 200,
                    "callbacks": [meter],
                }
                # langgraph types its generator as a bare iterator; `aclosing` needs to know better.
                stream = cast(
                    "AsyncGenerator[tuple[tuple[str, ...], str, Event]]",
                    services.graph.astream(start, config, context=context, stream_mode=["custom"], subgraphs=True),
                )
                async with aclosing(stream) as parts:
                    async for _namespace, _mode, event in parts:
                        emit(answer.feed(event))
            if images := _images(turn, services):
                emit(answer.feed(AnswerDelta(images)))
            await sessions.said(turn.session.id, [answer.text])

    return run


@asynccontextmanager
async def recorded(turn: Turn, services: Services, answer: Answer) -> AsyncIterator[None]:
    """Note the turn when it begins, and how it ended: with its answer, or cut off."""
    turns, note, complete = services.store.turns, turn.note, False

    async def begin() -> None:
        note.number = await turns.begin(turn.session.id, turn.user.id, turn.fingerprint, turn.instructions)

    await services.store.sessions.said(turn.session.id, [message.text for message in turn.messages])
    try:
        await whole(begin())
        yield
        end = await asyncio.to_thread(answered, turn.fingerprint, answer.text, answer.tool_calls)
        note.checkpoint = await turns.finish(note.number, end)
        complete = True
    finally:
        if not complete:
            await turns.cut(note.number)


def address_of(request: HTTPConnection, services: Services) -> str:
    """`PUBLIC_URL`, or what the request says."""
    asked = request.base_url
    of_pages = asked.replace(scheme=asked.scheme.replace("ws", "http"))
    return (services.settings.links.public_url or str(of_pages)).rstrip("/")


def _images(turn: Turn, services: Services) -> str:
    """Links to what the agent drew, behind an answer in words that is whole."""
    answer = turn.note.answer
    if turn.chat.wanted_format is not None or answer.finish_reason != "stop" or not answer.text:
        return ""
    return services.image_links.markdown(turn.session.id, answer.steps, turn.address)


def _tools(turn: Turn, services: Services, model: BaseChatModel, show: Callable[[str], None]) -> dict[str, BaseTool]:
    if turn.user.role == "guest":
        return {}
    tools, only = build_all(services.tool_kit(turn.workspace, turn.user.id, model, show)), turn.given.only_tools
    return tools if only is None else {name: tool for name, tool in tools.items() if name in only}


def _context(turn: Turn, services: Services, model: BaseChatModel, emit: Emit) -> Context:
    chat, room = turn.chat, MAX_STREAMED_OUTPUT

    def show(text: str) -> None:
        nonlocal room
        if room > 0:
            emit(ToolOutput(text[:room]))
            room -= len(text)

    library = services.library(turn.user.id)
    briefing = Briefing(services.reader(turn.user.id), turn.workspace, library, chat.asked)
    return Context(
        model=model,
        coder=services.coder,
        tools=_tools(turn, services, model, show),
        workspace=turn.workspace,
        library=library,
        describe=briefing,
        sampling=sampling_of(chat),
        system=turn.system,
        instructions=turn.given.instructions,
        client_tools=client_tools(chat),
        response_format=chat.wanted_format,
        limits=steps_for(chat, services.limits(model)),
        protocol=services.settings.agent.protocol(model),
        budget=Budget(services.settings.agent),
        user=turn.user.id,
    )

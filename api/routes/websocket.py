"""`/api/ws`: the same turns and frames as over HTTP, in both directions on one connection."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import Annotated, Any, Literal

from anyio import CancelScope
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Discriminator, Field, TypeAdapter
from starlette.requests import HTTPConnection

from api.dependencies import authenticate, services_of
from api.errors import ApiError, bad_request, to_api_error
from api.middleware.body_limit import Share
from api.middleware.request_context import client_address
from api.routes.runs import latest
from api.runs.live import LiveRun
from api.runs.resume import resume_position
from api.runs.settings import RunPolicy
from api.services import Services
from api.turns.options import Origin, TurnRequest
from api.turns.session_claim import find_session
from api.wire.chat_request import ChatRequest
from checkpoints.users import User

router = APIRouter()
PROTOCOL, BEARER = "llm-api", "bearer."
"""Browsers cannot send headers with a WebSocket, so they offer these two subprotocols, the second with the token."""
MAX_MESSAGE = 16 << 20
"""Maximum size of a message, in bytes."""
MAX_AT_ONCE = 32
"""Messages of one connection that are processed concurrently."""
POLICY_VIOLATION = 1008
LAST_WORDS_SECONDS = 5.0
"""For the last frames of a connection's runs, before it is closed."""
Reference = Annotated[str | None, Field(max_length=200)]


class SendMessage(BaseModel):
    """Start a turn; `request` is the body of `POST /v1/chat/completions`, always streamed."""

    type: Literal["send"]
    id: Reference = None
    request: dict[str, Any]
    run_policy: RunPolicy | None = None


class CancelMessage(BaseModel):
    """Cancel the running answer of a session."""

    type: Literal["cancel"]
    id: Reference = None
    session_id: str


class ResumeMessage(BaseModel):
    """Follow the latest run of a session, from its beginning or from after a frame."""

    type: Literal["resume"]
    id: Reference = None
    session_id: str
    last_event_id: str | None = None


Message = Annotated[SendMessage | CancelMessage | ResumeMessage, Discriminator("type")]
MESSAGE: TypeAdapter[SendMessage | CancelMessage | ResumeMessage] = TypeAdapter(Message)


@router.websocket("/api/ws")
async def talk(socket: WebSocket) -> None:
    """Handles the messages send, cancel and resume; see docs/running.md."""
    services = await services_of(socket)
    offered = socket.scope.get("subprotocols", [])
    token = next((name.removeprefix(BEARER) for name in offered if name.startswith(BEARER)), None)
    given = "authorization" in socket.headers
    asking = _with_header(socket, "authorization", f"Bearer {token}") if token and not given else socket
    try:
        user = await authenticate(asking, services)
    except ApiError as error:
        await socket.send_denial_response(error.response())
        return
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    talk = Talk(socket, asking, services)
    forget = services.access.add_connection(user, talk.revoke)
    try:
        await talk.run()
    finally:
        forget()


@router.websocket("/{path:path}")
async def refuse(socket: WebSocket, path: str) -> None:
    """Any other path. The framework's own refusal has no body."""
    error = ApiError(404, f"There is no WebSocket at /{path}; use /api/ws.", code="not_found")
    await socket.send_denial_response(error.response())


def _with_header(connection: HTTPConnection, name: str, value: str) -> HTTPConnection:
    """The same connection with this header added."""
    headers = [(key, old) for key, old in connection.scope["headers"] if key != name.encode()]
    return HTTPConnection({**connection.scope, "headers": [*headers, (name.encode(), value.encode("latin-1"))]})


class Talk:
    """One connection. Each message is a task; when the connection closes, its tasks and their runs end."""

    def __init__(self, socket: WebSocket, asking: HTTPConnection, services: Services) -> None:
        self._socket = socket
        self._asking = asking
        self._services = services
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Runs until the client disconnects."""
        try:
            with suppress(ClientGone):
                await self._listen()
        finally:
            for task in self._tasks:
                task.cancel()
            with CancelScope(shield=True):
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def revoke(self, why: Exception) -> None:
        """Close the connection, once the client has been told."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_SECONDS)
        with suppress(ClientGone, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):  # a client that does not read gets no more answers anyway
                await self._tell({"type": "error", "id": None, **to_api_error(why).body()})
                await self._socket.close(POLICY_VIOLATION)

    async def _listen(self) -> None:
        while (event := await self._socket.receive())["type"] != "websocket.disconnect":
            if len(self._tasks) >= MAX_AT_ONCE:
                error = ApiError(429, f"At most {MAX_AT_ONCE} messages at once.", code="too_many_messages")
                await self._tell({"type": "error", "id": None, **error.body()})
                continue
            task = asyncio.create_task(self._answer(event.get("text")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            del event  # it may be large

    async def _answer(self, text: str | None) -> None:
        """Process one message; errors are sent with the message's ID."""
        reference: list[str | None] = [None]
        share = self._services.body_memory.share(client_address(self._socket.scope))
        try:
            (failed,) = await asyncio.gather(self._heed(text, reference, share), return_exceptions=True)
        finally:
            share.release()
        if isinstance(failed, Exception) and not isinstance(failed, ClientGone):
            told = {"type": "error", "id": reference[0], **to_api_error(failed).body()}
            await asyncio.gather(self._tell(told), return_exceptions=True)

    async def _heed(self, text: str | None, reference: list[str | None], share: Share) -> None:
        if text is None:
            raise bad_request("Messages must be JSON text.")
        share.take(len(text))
        parsed = await self._services.json.parse(text.encode("utf-8", "surrogatepass"), "message")
        message = MESSAGE.validate_python(parsed)
        del parsed
        del text
        reference[0] = message.id
        # Authenticated for each message: a token expires, an account is disabled, and each message counts as a request.
        user = await authenticate(self._asking, self._services)
        match message:
            case SendMessage():
                await self._send(message, user, share)
            case CancelMessage():
                session = await find_session(self._services.store.sessions, message.session_id, user)
                cancelled = await self._services.locks.cancel(session.id)
                await self._tell(
                    {"type": "cancelled", "id": message.id, "session_id": session.id, "cancelled": cancelled}
                )
            case ResumeMessage():
                session = await find_session(self._services.store.sessions, message.session_id, user)
                live = latest(session, self._services)
                await self._follow(live, message.id, resume_position(live, message.last_event_id))

    async def _send(self, message: SendMessage, user: User, share: Share) -> None:
        services, asking = self._services, self._asking
        if message.run_policy is not None:
            asking = _with_header(asking, "x-run-policy", message.run_policy)
        chat = await services.json.convert(ChatRequest.parse, message.request)
        async with AsyncExitStack() as stack:
            live = await services.turns.start(TurnRequest(chat, user, Origin.of(asking)), stack)
        reference = message.id
        del message, chat
        share.release()
        try:
            await self._follow(live, reference, None)
        finally:
            if not live.background:
                await live.run.stop()

    async def _follow(self, live: LiveRun, reference: str | None, after: int | None) -> None:
        async for chunks in live.stream(after):
            for number, chunk in chunks:
                event_id = None if number is None else f"{live.chunks.id}:{number}"
                await self._tell({"type": "frame", "id": reference, "event_id": event_id, "data": chunk})
        await self._tell({"type": "done", "id": reference})

    async def _tell(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False)
        async with self._writing:
            try:
                await self._socket.send_text(text)
            except (RuntimeError, OSError) as error:  # it was closed in the meantime
                raise ClientGone from error


class ClientGone(Exception):  # noqa: N818 (nothing has gone wrong)
    """The client has disconnected."""

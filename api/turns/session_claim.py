"""Holding the session that a turn goes on in: the one that is named, a new one, or a fork of one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from api.errors import bad_request, not_found
from api.runs.settings import RunPolicy
from api.services import Services
from api.turns.fingerprints import START
from api.turns.fork import discard, fork
from api.wire.messages import ChatMessage
from checkpoints.sessions import Session
from checkpoints.turns import Turn
from checkpoints.users import User
from workspace.session import SessionWorkspace
from workspace.workspaces import SESSION_ID


@dataclass(frozen=True, slots=True)
class Held:
    """A session in our hands, and what it gains."""

    session: Session
    workspace: SessionWorkspace
    made: bool
    """Made for this turn: `api.turns.turn.fork.discard` it when the turn's start fails."""
    fingerprint: str
    """Of the conversation as the thread has it."""
    new: Sequence[ChatMessage] = ()
    """The client's messages that the thread does not have. Empty when a question that was cut off is asked again."""
    system: tuple[str, ...] | None = None
    """The client's system messages, when it has sent all that was said; None: those of the thread count."""


@dataclass(frozen=True, slots=True)
class Point:
    """The end of a turn."""

    session: str
    checkpoint: str


@asynccontextmanager
async def hold_session(
    asked: str | None, services: Services, user: User, *, first_words: str, policy: RunPolicy = "reject"
) -> AsyncIterator[Held]:
    """The session asked for, or a new one, held for as long as the block runs.

    Raises 400 and 404 for an id that is none or not the user's, 409 while the session answers another message, 429
    when the user has runs, tokens or files enough.
    """
    async with services.quotas.run(user), AsyncExitStack() as stack:
        if asked is None:
            session = await services.store.sessions.create(user.id, first_words)
        else:
            session = await own_session(asked, services, user)
        workspace = await stack.enter_async_context(held(session, services, policy))
        newest = await services.store.turns.newest(session.id) if asked is not None else None
        yield Held(session, workspace, asked is None, newest.fingerprint if newest else START)


@asynccontextmanager
async def hold_point(
    point: Point, services: Services, user: User, *, policy: RunPolicy = "reject"
) -> AsyncIterator[Held]:
    """Begin a turn at a point of a session: in the session itself when it is its newest, in a fork otherwise.

    Raises as `hold_session`, and 404 when the session has no such turn.
    """
    async with services.quotas.run(user), AsyncExitStack() as stack:
        session = await own_session(point.session, services, user)
        turn = await services.store.turns.at(session.id, point.checkpoint)
        if turn is None:
            raise not_found("turn")
        taken = await continued(turn, session, services, stack, policy) if turn.newest else None
        yield taken or await forked(turn, session, services, stack)


async def own_session(session_id: str, services: Services, user: User) -> Session:
    """Raises 400 for what is no id, 404 for what is not there or somebody else's."""
    if not SESSION_ID.fullmatch(session_id):
        raise bad_request("session_id: this is not a session id", "session_id", "invalid_session_id")
    session = await services.store.sessions.get(session_id, user.id)
    if session is None:
        raise not_found("session", "session_id")
    return session


@asynccontextmanager
async def held(session: Session, services: Services, policy: RunPolicy = "reject") -> AsyncIterator[SessionWorkspace]:
    """The workspace of a session that is ours until the block ends. Raises 409 as the policy says, 404 when the session
    was deleted before it was ours.
    """
    async with services.runs.hold(session.id, policy) as lease:
        if await services.store.sessions.get(session.id, session.owner) is None:
            raise not_found("session", "session_id")
        try:
            if lease.from_elsewhere:
                await services.workspaces.retire(session.id)
            yield await services.workspaces.open(session.id, session.owner)
        finally:
            await services.workspaces.rest()


async def continued(
    turn: Turn, session: Session, services: Services, stack: AsyncExitStack, policy: RunPolicy = "reject"
) -> Held | None:
    """The session itself, if the turn is still its newest once it is ours; None when it has gone on.

    Raises 409 as the policy says. What is held is let go of with the stack.
    """
    attempt = AsyncExitStack()
    ours = False
    try:
        workspace = await attempt.enter_async_context(held(session, services, policy))
        newest = await services.store.turns.newest(session.id)
        ours = newest is not None and newest.id == turn.id
    finally:
        if not ours:
            await attempt.aclose()
    if not ours:
        return None
    stack.push_async_exit(attempt)
    return Held(session, workspace, made=False, fingerprint=turn.fingerprint)


async def forked(turn: Turn, source: Session, services: Services, stack: AsyncExitStack) -> Held:
    """A fork at the turn, held. Raises as `fork`."""
    session = await fork(turn, source, services)
    entered = False
    try:
        workspace = await stack.enter_async_context(held(session, services))
        entered = True
    finally:
        if not entered:
            await discard(session, services)
    return Held(session, workspace, made=True, fingerprint=turn.fingerprint)

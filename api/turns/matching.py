"""Sessions for clients that know nothing of sessions: found by the history that they send back.

The longest beginning of the history that a turn of the user's ended with counts. If nothing was said since that turn,
its session goes on, variables and files included; otherwise the session is forked there. What comes after is new.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage

from api.errors import ApiError
from api.services import Services
from api.turns.attachments import first_new
from api.turns.fingerprints import INSTRUCTIONS, START, chain, instructions
from api.turns.session_claim import Held, continued, forked, held
from api.wire.messages import ChatMessage
from checkpoints.sessions import Session
from checkpoints.turns import Turn
from checkpoints.users import User

PATIENCE = 2.0
"""Seconds that a session is waited for whose last run is letting go of it."""
PAUSE = 0.05
WAITED_FOR = 3
"""Sessions that are waited for; others are taken up only when they are free."""


@dataclass(frozen=True, slots=True)
class _History:
    messages: Sequence[ChatMessage]
    prints: Sequence[str]
    """The fingerprint after each message."""
    instructions: str

    def since(self, turn: Turn) -> Sequence[ChatMessage]:
        """The messages that come after what the turn covers."""
        covered = max(at for at, fingerprint in enumerate(self.prints) if fingerprint == turn.fingerprint) + 1
        return self.messages[covered:]


@asynccontextmanager
async def hold_history(
    messages: Sequence[ChatMessage], services: Services, user: User, *, with_files: bool = False
) -> AsyncIterator[Held]:
    """The session that the history continues, a fork of the one that it departs from, or a new one; held.

    Never raises 409: a session that is answering something else is forked. Raises 429 as `hold_session`.
    """
    async with services.quotas.run(user), AsyncExitStack() as stack:
        history = await asyncio.to_thread(_read, messages)
        found = None if with_files else await _asked_again(history, services, user, stack)
        found = found or await _taken_up(history, services, user, stack)
        if found is None:
            session = await services.store.sessions.create(user.id, messages[-1].text)
            workspace = await stack.enter_async_context(held(session, services))
            found = Held(session, workspace, made=True, fingerprint=START, new=messages)
        yield replace(found, system=tuple(m.text for m in messages if m.role in INSTRUCTIONS))


def _read(messages: Sequence[ChatMessage]) -> _History:
    return _History(messages, chain(START, messages), instructions(messages))


async def _asked_again(history: _History, services: Services, user: User, stack: AsyncExitStack) -> Held | None:
    """The session in which just this question was cut off, so that a client's second try finds its variables.

    First questions are left out, as they are alike in many conversations, and those with images or files.
    """
    messages = history.messages
    start = first_new(messages)
    if start == 0 or any(message.attached for message in messages[start:]):
        return None
    for turn in await services.store.turns.matching(user.id, history.prints[-1:], history.instructions):
        if turn.newest and turn.state == "cut" and (taken := await _free(turn, services, user, stack)) is not None:
            return taken
    return None


async def _taken_up(history: _History, services: Services, user: User, stack: AsyncExitStack) -> Held | None:
    """In or beside the session of the best matching turn; None when there is none."""
    known = [fingerprint for fingerprint in history.prints[:-1] if fingerprint != START]
    turns = await services.store.turns.matching(user.id, known, history.instructions) if known else []
    newest = [turn for turn in turns if turn.newest]
    for turn in newest:
        if (taken := await _free(turn, services, user, stack)) is not None:
            return await _with_new(taken, turn, history, services)
    for turn in newest[:WAITED_FOR]:
        if (taken := await _soon(turn, services, user, stack)) is not None:
            return await _with_new(taken, turn, history, services)
    for turn in turns:
        source = await services.store.sessions.get(turn.session, user.id)
        if turn.checkpoint is not None and source is not None:
            return replace(await forked(turn, source, services, stack), new=history.since(turn))
    return None


async def _free(turn: Turn, services: Services, user: User, stack: AsyncExitStack) -> Held | None:
    """The turn's session, unless somebody holds it or it has gone on."""
    session = await services.store.sessions.get(turn.session, user.id)
    try:
        return await continued(turn, session, services, stack) if session is not None else None
    except ApiError as error:
        if error.code == "session_busy":
            return None
        raise


async def _soon(turn: Turn, services: Services, user: User, stack: AsyncExitStack) -> Held | None:
    """As `_free`, and waits for a run that is letting go: its client has read the end, or has just left."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if (taken := await _free(turn, services, user, stack)) is not None:
            return taken
        newest = await services.store.turns.newest(turn.session)
        if newest is None or newest.id != turn.id:
            return None
        await asyncio.sleep(PAUSE)
    return None


async def _with_new(taken: Held, turn: Turn, history: _History, services: Services) -> Held:
    new = history.since(turn)
    if turn.state == "open" and await _was_answered(taken.session, services):
        new = new[next(at for at, message in enumerate(new) if message.role != "assistant") :]
    return replace(taken, new=new)


async def _was_answered(session: Session, services: Services) -> bool:
    """Did the thread get the answer after all? The service died before it could note so."""
    state = await services.graph.aget_state({"configurable": {"thread_id": session.id}})
    said = state.values.get("messages", [])
    return bool(said) and isinstance(said[-1], AIMessage)

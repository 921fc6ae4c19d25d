"""Claims on a turn's session: one named by its ID or by the client's own, a new one, or the end of an earlier turn.

`matching.py` has the claim by transcript.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial

from api.errors import bad_request, not_found
from api.runs.claims import Attempt
from api.runs.settings import RunPolicy
from api.turns.fork import Forks
from api.turns.transcript import START, Transcript, chain
from api.wire.messages import ChatMessage
from checkpoints.sessions import EXTERNAL_ID, Session, Sessions
from checkpoints.store import Store
from checkpoints.turns import StoredTurn
from checkpoints.users import User
from workspace.workspaces import SESSION_ID

TRIES = 50
"""How often a session is looked up that other requests create and delete at the same time."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The end of a turn, as a request names it."""

    session: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class NamedSession:
    """The session with this ID; the messages after its last assistant message are new. Raises 400, 404."""

    id: str
    user: User
    transcript: Transcript
    store: Store
    policy: RunPolicy
    system: tuple[str, ...] | None = None

    async def attempts(self) -> AsyncGenerator[Attempt]:
        session = await find_session(self.store.sessions, self.id, self.user)
        new = self.transcript.messages[self.transcript.first_new :]

        async def fingerprint() -> str:
            return await fingerprint_after(await self.store.turns.newest(session.id), new)

        yield Attempt(session, new, fingerprint, self.policy)


@dataclass(frozen=True, slots=True)
class ExternalSession:
    """The session that the client knows by an ID of its own, created at the first request with that ID; or the user's
    session whose own ID it is. The messages after its last assistant message are new, in a new session all. Raises 400.
    """

    id: str
    user: User
    transcript: Transcript
    title: str
    store: Store
    forks: Forks
    policy: RunPolicy

    @property
    def system(self) -> tuple[str, ...] | None:
        return self.transcript.system or None

    async def attempts(self) -> AsyncGenerator[Attempt]:
        if not EXTERNAL_ID.fullmatch(self.id):
            message = "X-Session-ID: use 1 to 200 visible ASCII characters"
            raise bad_request(message, "X-Session-ID", "invalid_session_id")
        for _ in range(TRIES):
            session = await self._session()
            newest = await self.store.turns.newest(session.id)
            new = self.transcript.messages[self.transcript.first_new if newest else 0 :]
            fingerprint = partial(self._fingerprint, session, newest, new)
            # One that is named by its own ID can have variables and files without a turn, from direct tool calls.
            unused = newest is None and session.id != self.id
            discard = partial(self.forks.discard_unused, session) if unused else None
            yield Attempt(session, new, fingerprint, self.policy, passes_when_deleted=True, discard=discard)

    async def _session(self) -> Session:
        sessions, owner = self.store.sessions, self.user.id
        return await sessions.get(self.id, owner) or await sessions.get_or_create(self.id, owner, self.title)

    async def _fingerprint(self, session: Session, seen: StoredTurn | None, new: Sequence[ChatMessage]) -> str | None:
        """None if another request with the same ID has begun the session in the meantime."""
        newest = await self.store.turns.newest(session.id)
        return None if seen is None and newest is not None else await fingerprint_after(newest, new)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session without messages; all messages are new."""

    user: User
    transcript: Transcript
    title: str
    store: Store
    forks: Forks
    system: tuple[str, ...] | None = None

    async def attempts(self) -> AsyncGenerator[Attempt]:
        session = await self.store.sessions.create(self.user.id, self.title)
        fingerprint = self.transcript.fingerprints[-1] if self.transcript.fingerprints else START
        discard = partial(self.forks.discard, session)
        yield Attempt(session, self.transcript.messages, fingerprint, discard=discard, empty=True)


@dataclass(frozen=True, slots=True)
class AfterTurn:
    """Continues from the end of a turn: in its session if that turn is the newest, in a fork otherwise; all messages
    are new. Raises 400, 404, also if the session has no such turn.
    """

    end: TurnEnd
    user: User
    transcript: Transcript
    store: Store
    forks: Forks
    policy: RunPolicy
    system: tuple[str, ...] | None = None

    async def attempts(self) -> AsyncGenerator[Attempt]:
        session = await find_session(self.store.sessions, self.end.session, self.user)
        turn = await self.store.turns.at(session.id, self.end.checkpoint)
        if turn is None:
            raise not_found("turn")
        fingerprint = await fingerprint_after(turn, self.transcript.messages)

        async def unless_gone_on() -> str | None:
            return fingerprint if await is_newest(turn, self.store) else None

        if turn.newest:
            yield Attempt(session, self.transcript.messages, unless_gone_on, self.policy)
        fork = await self.forks.make(turn, session)
        yield Attempt(fork, self.transcript.messages, fingerprint, discard=partial(self.forks.discard, fork))


async def find_session(sessions: Sessions, session_id: str, user: User) -> Session:
    """The session with this ID, or that the user's client knows by it. Raises 400 for an invalid ID, 404 if the session
    does not exist or belongs to another user.
    """
    if EXTERNAL_ID.fullmatch(session_id):
        session = await sessions.get(session_id, user.id) or await sessions.find(session_id, user.id)
        if session is not None:
            return session
    if not SESSION_ID.fullmatch(session_id):
        raise bad_request("session_id: this is not a session ID", "session_id", "invalid_session_id")
    raise not_found("session", "session_id")


async def fingerprint_after(turn: StoredTurn | None, new: Sequence[ChatMessage]) -> str:
    """Of the conversation up to `turn`, and `new`."""
    last = turn.fingerprint if turn else START
    said = await asyncio.to_thread(chain, last, new)
    return said[-1] if said else last


async def is_newest(turn: StoredTurn, store: Store) -> bool:
    """Whether it is the last turn of its session."""
    newest = await store.turns.newest(turn.session)
    return newest is not None and newest.id == turn.id

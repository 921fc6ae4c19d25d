"""Sessions for clients without session IDs: claimed by the transcript that they send.

The longest prefix of the transcript that matches a turn of the user counts. If that turn is its session's last, the
session continues with its variables and files; otherwise it is forked there. The messages after the prefix are new.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial

from langchain_core.messages import AIMessage

from api.runs.claims import Attempt
from api.turns.fork import Forks
from api.turns.history import History
from api.turns.session_claim import NewSession, is_newest
from api.turns.transcript import START, Transcript, chain
from api.wire.messages import ChatMessage
from checkpoints.store import Store
from checkpoints.turns import StoredTurn
from checkpoints.users import User

PATIENCE = 2.0
"""Seconds to wait for a session whose run is about to end."""
PAUSE = 0.05
WAITED_FOR = 3
"""How many sessions to wait for; others are used only if they are free."""


@dataclass(frozen=True, slots=True)
class MatchedSession:
    """The session that the transcript continues, a fork of the one it diverges from, or a new one.

    Never raises 409: a session that is answering another message is forked.
    """

    user: User
    transcript: Transcript
    store: Store
    forks: Forks
    history: History
    with_files: bool = False

    @property
    def system(self) -> tuple[str, ...]:
        return self.transcript.system

    async def attempts(self) -> AsyncGenerator[Attempt]:
        for turn in await self._asked_again():
            async for attempt in self._free(turn, new=()):
                yield attempt
        turns = await self._matching()
        newest = [turn for turn in turns if turn.newest]
        for turn in newest:
            async for attempt in self._free(turn):
                yield attempt
        for turn in newest[:WAITED_FOR]:
            async for attempt in self._soon(turn):
                yield attempt
        for turn in turns:
            source = await self.store.sessions.get(turn.session, self.user.id)
            if turn.checkpoint is not None and source is not None:
                fork = await self.forks.make(turn, source)
                discard = partial(self.forks.discard, fork)
                yield Attempt(fork, self._since(turn), self.transcript.fingerprints[-1], discard=discard)
        title = self.transcript.messages[-1].text
        async for attempt in NewSession(self.user, self.transcript, title, self.store, self.forks).attempts():
            yield attempt

    async def _asked_again(self) -> list[StoredTurn]:
        """Turns in which the same question was cut off, so that a client's retry finds its variables.

        First questions are excluded, because they are alike in many conversations, and so are those with images or
        files.
        """
        transcript = self.transcript
        asked = transcript.messages[transcript.first_new :]
        if self.with_files or transcript.first_new == 0 or any(message.attached for message in asked):
            return []
        last = transcript.fingerprints[-1:]
        turns = await self.store.turns.matching(self.user.id, last, transcript.instructions)
        return [turn for turn in turns if turn.newest and turn.state == "cut"]

    async def _matching(self) -> list[StoredTurn]:
        known = [fingerprint for fingerprint in self.transcript.fingerprints[:-1] if fingerprint != START]
        if not known:
            return []
        return await self.store.turns.matching(self.user.id, known, self.transcript.instructions)

    async def _free(self, turn: StoredTurn, new: Sequence[ChatMessage] | None = None) -> AsyncGenerator[Attempt]:
        """The turn's session, unless it is locked or has continued since."""
        session = await self.store.sessions.get(turn.session, self.user.id)
        if session is None:
            return
        messages, end = (new, turn.fingerprint) if new is not None else await self._new(turn)

        async def fingerprint() -> str | None:
            return end if await is_newest(turn, self.store) else None

        yield Attempt(session, messages, fingerprint, passes_when_busy=True)

    async def _soon(self, turn: StoredTurn) -> AsyncGenerator[Attempt]:
        """Like `_free`, but waits for a run that is about to end: its client has read the end or has just
        disconnected.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            async for attempt in self._free(turn):
                yield attempt
            if not await is_newest(turn, self.store):
                return
            await asyncio.sleep(PAUSE)

    async def _new(self, turn: StoredTurn) -> tuple[Sequence[ChatMessage], str]:
        """The messages after the turn, and the fingerprint including them."""
        new = self._since(turn)
        if turn.state != "open" or not await self._was_answered(turn):
            return new, self.transcript.fingerprints[-1]
        new = new[next(at for at, message in enumerate(new) if message.role != "assistant") :]
        return new, (await asyncio.to_thread(chain, turn.fingerprint, new))[-1]

    def _since(self, turn: StoredTurn) -> Sequence[ChatMessage]:
        prints = self.transcript.fingerprints
        covered = max(at for at, fingerprint in enumerate(prints) if fingerprint == turn.fingerprint) + 1
        return self.transcript.messages[covered:]

    async def _was_answered(self, turn: StoredTurn) -> bool:
        """Whether the thread has the answer although the service died before it could record this."""
        said = await self.history.messages(turn.session)
        return bool(said) and isinstance(said[-1], AIMessage)

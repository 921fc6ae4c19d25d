"""Sessions for clients without session IDs: claimed by the transcript that they send.

The longest prefix of the transcript that matches a turn of the user counts. If that turn is its session's last, the
session continues with its variables and files; otherwise it is forked there. The messages after the prefix are new.

A front end's ID of the chat helps: the chat's own session is preferred, and another chat's session is forked. It also
finds the session if the front end has rewritten the conversation, as long as it ends with the session's last answer.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from langchain_core.messages import AIMessage, HumanMessage

from api.runs.claims import Attempt
from api.turns.fork import Forks
from api.turns.history import History
from api.turns.session_claim import NewSession, fingerprint_after, is_newest
from api.turns.transcript import START, Transcript, chain, same_answer
from api.wire.additions import contradicts
from api.wire.messages import ChatMessage
from checkpoints.sessions import Session
from checkpoints.store import Store
from checkpoints.turns import StoredTurn
from checkpoints.users import User

PATIENCE = 2.0
"""Seconds to wait for a session whose run is about to end."""
PAUSE = 0.05
WAITED_FOR = 3
"""How many sessions to wait for; others are used only if they are free."""
COMPARED = 20
"""How many matching turns are compared by their files and other additions."""


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
    chat: str | None = None
    """The front end's ID of the chat."""

    @property
    def system(self) -> tuple[str, ...]:
        return self.transcript.system

    async def attempts(self) -> AsyncGenerator[Attempt]:
        own = await self.store.sessions.find(self.chat, self.user.id) if self.chat else None
        for turn in await self._asked_again(own):
            async for attempt in self._free(turn, new=()):
                yield attempt
        turns = await self._matching(own)
        if own is not None and not any(map(self._is_complete, turns)) and await self._was_rewritten(own):
            async for attempt in self._after_last(own):
                yield attempt
        async for attempt in self._continued(turns):
            yield attempt
        async for attempt in self._forked(turns):
            yield attempt
        title = self.transcript.messages[-1].question
        async for attempt in NewSession(self.user, self.transcript, title, self.store, self.forks).attempts():
            yield attempt

    async def _continued(self, turns: Sequence[StoredTurn]) -> AsyncGenerator[Attempt]:
        """The sessions whose last turns these are."""
        newest = [turn for turn in turns if turn.newest and await self._is_ours(turn)]
        for turn in newest:
            async for attempt in self._free(turn):
                yield attempt
        for turn in newest[:WAITED_FOR]:
            async for attempt in self._soon(turn):
                yield attempt

    async def _forked(self, turns: Sequence[StoredTurn]) -> AsyncGenerator[Attempt]:
        for turn in turns:
            source = await self.store.sessions.get(turn.session, self.user.id)
            if turn.checkpoint is not None and source is not None:
                fork = await self.forks.make(turn, source)
                discard = partial(self.forks.discard, fork)
                yield Attempt(fork, self._since(turn), self.transcript.fingerprints[-1], discard=discard)

    async def _asked_again(self, own: Session | None) -> list[StoredTurn]:
        """Turns in which the same question was cut off, so that a client's retry finds its variables.

        First questions count only in the chat's own session, because they are alike in many conversations; those with
        images or files do not count.
        """
        transcript = self.transcript
        asked = transcript.messages[transcript.first_new :]
        if self.with_files or any(message.attached for message in asked) or not (transcript.first_new or own):
            return []
        last = transcript.fingerprints[-1:]
        turns = await self.store.turns.matching(self.user.id, last, transcript.instructions)
        cut = [turn for turn in turns if turn.newest and turn.state == "cut"]
        return cut if transcript.first_new else [turn for turn in cut if own and turn.session == own.id]

    async def _matching(self, own: Session | None) -> list[StoredTurn]:
        """The turns that match the longest possible prefix, those of the chat's own session first."""
        known = [fingerprint for fingerprint in self.transcript.fingerprints[:-1] if fingerprint != START]
        if not known:
            return []
        found = await self.store.turns.matching(self.user.id, known, self.transcript.instructions)
        for _, turns in groupby(found[:COMPARED], key=lambda turn: turn.fingerprint):
            if fitting := [turn for turn in turns if await self._fits(turn)]:
                return sorted(fitting, key=lambda turn: own is None or turn.session != own.id)
        return []

    async def _fits(self, turn: StoredTurn) -> bool:
        """Whether its files and other additions are those of the transcript, as far as the client repeats them."""
        messages = self.transcript.messages[: self._covered(turn)]
        questions = [message for message in messages if message.role == "user"]
        if not any(message.attached or message.question != message.text for message in questions):
            return True
        kept = [one for one in await self.history.messages(turn.session) if isinstance(one, HumanMessage)]
        return not await asyncio.to_thread(_contradict, questions, kept)

    async def _is_ours(self, turn: StoredTurn) -> bool:
        """Whether its session is not that of another chat."""
        return self.chat is None or await self.store.sessions.external_id(turn.session) in (None, self.chat)

    def _is_complete(self, turn: StoredTurn) -> bool:
        """Whether the turn covers the transcript up to its last answer."""
        return self._covered(turn) >= self.transcript.first_new

    async def _was_rewritten(self, own: Session) -> bool:
        """Whether the transcript ends with the last answer of the chat's own session, whatever precedes it."""
        if not self.transcript.first_new:
            return False
        told, kept = self.transcript.messages[self.transcript.first_new - 1], await self.history.messages(own.id)
        return bool(kept) and isinstance(kept[-1], AIMessage) and same_answer(told.words, kept[-1].text)

    async def _after_last(self, own: Session) -> AsyncGenerator[Attempt]:
        """The session, with the messages after its last answer."""
        new = self.transcript.messages[self.transcript.first_new :]
        newest = await self.store.turns.newest(own.id)

        async def fingerprint() -> str | None:
            return await fingerprint_after(newest, new) if newest and await is_newest(newest, self.store) else None

        yield Attempt(own, new, fingerprint, passes_when_busy=True)

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
        return self.transcript.messages[self._covered(turn) :]

    def _covered(self, turn: StoredTurn) -> int:
        """How many messages of the transcript the turn's session has."""
        prints = self.transcript.fingerprints
        return max(at for at, fingerprint in enumerate(prints) if fingerprint == turn.fingerprint) + 1

    async def _was_answered(self, turn: StoredTurn) -> bool:
        """Whether the thread has the answer although the service died before it could record this."""
        said = await self.history.messages(turn.session)
        return bool(said) and isinstance(said[-1], AIMessage)


def _contradict(messages: Sequence[ChatMessage], stored: Sequence[HumanMessage]) -> bool:
    return any(contradicts(message, one) for message, one in zip(messages, stored, strict=False))

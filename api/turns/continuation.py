"""Claims for requests that end with an answer of the assistant, which is to be continued.

If the session has that answer at its end, there, so that it keeps its variables; otherwise, the question before it is
asked again.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from functools import partial

from langchain_core.messages import AIMessage

from api.runs.claims import Attempt, SessionClaim
from api.turns.fork import Forks
from api.turns.history import History
from api.turns.session_claim import is_newest
from api.turns.transcript import START, Transcript, answered
from checkpoints.store import Store
from checkpoints.turns import StoredTurn
from checkpoints.users import User
from nodes.model.conversation import own_question


@dataclass(frozen=True, slots=True)
class ContinuedAnswer:
    """The session whose last answer is `text`. `transcript` ends before it, and `question` is the claim of a request
    that ends there too. `named`: that claim names its session.
    """

    text: str
    question: SessionClaim
    named: bool
    user: User
    transcript: Transcript
    store: Store
    forks: Forks
    history: History

    @property
    def system(self) -> tuple[str, ...] | None:
        return self.question.system

    async def attempts(self) -> AsyncGenerator[Attempt]:
        if self.named:
            async for attempt in self.question.attempts():
                yield await self._in_place(attempt)
            return
        turns = await self.store.turns.matching(self.user.id, [self._end], self.transcript.instructions)
        for turn in turns:
            session = await self.store.sessions.get(turn.session, self.user.id)
            if turn.newest and session is not None:
                yield Attempt(session, (), partial(self._unless_gone_on, turn), passes_when_busy=True)
        for turn in turns:
            session = await self.store.sessions.get(turn.session, self.user.id)
            if turn.checkpoint is not None and session is not None:
                fork = await self.forks.make(turn, session)
                yield Attempt(fork, (), self._before, discard=partial(self.forks.discard, fork))
        async for attempt in self.question.attempts():
            yield attempt

    @property
    def _before(self) -> str:
        """The fingerprint before the answer."""
        return self.transcript.fingerprints[-1] if self.transcript.fingerprints else START

    @property
    def _end(self) -> str:
        return answered(self._before, self.text)

    async def _unless_gone_on(self, turn: StoredTurn) -> str | None:
        return self._before if await is_newest(turn, self.store) else None

    async def _in_place(self, attempt: Attempt) -> Attempt:
        """Without the question, if the session has it and an answer at its end."""
        newest = await self.store.turns.newest(attempt.session.id)
        if newest is None or newest.state != "done":
            return attempt
        if newest.fingerprint != self._end and not await self._is_asked_last(attempt):
            return attempt
        return replace(attempt, new=(), fingerprint=self._before)

    async def _is_asked_last(self, attempt: Attempt) -> bool:
        """Whether the session's last question is the request's, or the request has none."""
        kept = await self.history.messages(attempt.session.id)
        asked = own_question({"messages": kept})
        wanted = next((message.words for message in reversed(attempt.new) if message.role == "user"), asked)
        return bool(kept) and isinstance(kept[-1], AIMessage) and wanted.split() == asked.split()

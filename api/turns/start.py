"""Turns a request from any route into a run: options, claim, lock, new messages, run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, ToolCall

from api.accounts.quotas import Quotas
from api.files.json_body import FEW_MESSAGES
from api.runs.access_watch import AccessWatch
from api.runs.claims import SessionClaim
from api.runs.live import LiveRun, LiveRuns
from api.runs.run import Work
from api.runs.session_locks import LockedSession, SessionLocks
from api.runs.settings import RunPolicy
from api.turns.attachments import Attachments
from api.turns.continuation import ContinuedAnswer
from api.turns.fork import Forks
from api.turns.history import History
from api.turns.housekeeping import Housekeeping
from api.turns.matching import MatchedSession
from api.turns.options import OptionsResolver, TurnOptions, TurnRequest
from api.turns.session_claim import AfterTurn, ExternalSession, NamedSession, NewSession
from api.turns.transcript import START, Transcript
from api.turns.turn import OutsideTurn, Turn, TurnRunner
from api.wire.chat_chunks import ChatChunks
from api.wire.conversion import open_calls, to_messages
from api.wire.messages import ChatMessage
from checkpoints.store import Store
from checkpoints.users import User
from tools.documents import Documents


@dataclass(frozen=True, slots=True)
class Turns:
    """Starts turns. Created once, from the parts that a turn needs."""

    options: OptionsResolver
    quotas: Quotas
    locks: SessionLocks
    store: Store
    forks: Forks
    history: History
    attachments: Attachments
    documents: Documents
    runner: TurnRunner
    housekeeping: Housekeeping
    live: LiveRuns
    access: AccessWatch

    async def start(self, request: TurnRequest, stack: AsyncExitStack) -> LiveRun:
        """Start the answer. From here on the run owns the stack and releases it at its end.

        Raises 400, 403 and 404 from the options and the claim, 409 while the session is answering another message, 413
        for files that are too large, 429 beyond the user's quotas.
        """
        turn = await self.open(request, await self.options.resolve(request), stack)
        return self.begin(turn, self.work(turn), stack)

    async def open(self, request: TurnRequest, options: TurnOptions, stack: AsyncExitStack) -> Turn | OutsideTurn:
        """Lock the session and store what is new, except for a front end's own request, which gets no session; a new
        session whose start fails is removed.
        """
        await stack.enter_async_context(self.quotas.run(options.user))
        if options.housekeeping:
            return self.runner.outside(options, await _converted(request.chat.messages, 0))
        transcript = await asyncio.to_thread(Transcript.of, request.chat.messages)
        claim = self._claim(request, options, transcript)
        locked = await stack.enter_async_context(self.locks.lock(claim))
        if options.chat is not None:
            await self.store.sessions.assign(options.chat, locked.session)
        messages = await self._messages(request, locked)
        if request.files or any(message.attached for message in request.chat.messages):
            names = await self.attachments.take(request.files, request.chat.messages, locked.workspace)
            if names:
                messages[-1].additional_kwargs["files"] = names
                self.documents.schedule(options.user.id, locked.session.id)
        return self.runner.turn(options, locked, messages, transcript)

    def work(self, turn: Turn | OutsideTurn) -> Work:
        """What answers the turn."""
        return self.housekeeping.work(turn) if isinstance(turn, OutsideTurn) else self.runner.work(turn)

    def begin(self, turn: Turn | OutsideTurn, work: Work, stack: AsyncExitStack) -> LiveRun:
        """Start the run, and keep that of a session for clients that resume it."""
        options, session = turn.options, turn.session_id
        chunks = ChatChunks(options.model, session, include_usage=options.include_usage)
        if isinstance(turn, OutsideTurn):
            outside = self.locks.start_outside(work, stack)
            self.access.add_run(options.user, outside)
            return LiveRun(outside, chunks, turn.answer)
        run = turn.locked.lock.start(work, stack)
        self.access.add_run(options.user, run)
        live = LiveRun(run, chunks, turn.answer, background=options.background)
        self.live.add(session, live)
        return live

    @asynccontextmanager
    async def session(
        self, session_id: str | None, user: User, *, title: str, policy: RunPolicy = "reject"
    ) -> AsyncIterator[LockedSession]:
        """A session for purposes other than a turn, such as a direct tool call; None: a new one.

        Raises the same errors as `start`.
        """
        nothing = Transcript.of(())
        claim: SessionClaim = NewSession(user, nothing, title, self.store, self.forks)
        if session_id is not None:
            claim = NamedSession(session_id, user, nothing, self.store, policy)
        async with self.quotas.run(user), self.locks.lock(claim) as locked:
            yield locked

    def _claim(self, request: TurnRequest, options: TurnOptions, transcript: Transcript) -> SessionClaim:
        claim = self._claim_of_question(request, options, transcript)
        if options.continued is None:
            return claim
        named = bool(options.session or options.external_session)
        return ContinuedAnswer(
            options.continued, claim, named, options.user, transcript, self.store, self.forks, self.history
        )

    def _claim_of_question(self, request: TurnRequest, options: TurnOptions, transcript: Transcript) -> SessionClaim:
        user, store, forks = options.user, self.store, self.forks
        if request.after is not None:
            return AfterTurn(request.after, user, transcript, store, forks, options.policy)
        if options.session is not None:
            return NamedSession(options.session, user, transcript, store, options.policy)
        title = transcript.messages[-1].question
        if options.external_session is not None:
            return ExternalSession(options.external_session, user, transcript, title, store, forks, options.policy)
        unmatched = all(fingerprint == START for fingerprint in transcript.fingerprints[:-1])
        if unmatched and options.chat is None:
            return NewSession(user, transcript, title, store, forks, transcript.system)
        return MatchedSession(user, transcript, store, forks, self.history, bool(request.files), options.chat)

    async def _messages(self, request: TurnRequest, locked: LockedSession) -> list[AnyMessage]:
        kept: Sequence[AnyMessage] = () if locked.empty else await self.history.messages(locked.session.id)
        return await _converted(locked.new, len(request.chat.messages) - len(locked.new), open_calls(kept))


async def _converted(new: Sequence[ChatMessage], start: int, calls: Sequence[ToolCall] = ()) -> list[AnyMessage]:
    """See `to_messages`; off the event loop if there are many."""
    if len(new) <= FEW_MESSAGES:
        return to_messages(new, start, calls)
    return await asyncio.to_thread(to_messages, new, start, calls)

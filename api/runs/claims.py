"""Claims: which session a request wants, as a sequence of attempts."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from api.runs.settings import RunPolicy
from api.wire.messages import ChatMessage
from checkpoints.sessions import Session


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to satisfy a claim: a session, and the new messages."""

    session: Session
    new: Sequence[ChatMessage]
    """The client's messages that the session does not have. Empty if an interrupted question is repeated."""
    fingerprint: str | Callable[[], Awaitable[str | None]]
    """Of the conversation including `new`. A function is called once the session is locked; it returns None if the
    session has changed in the meantime.
    """
    policy: RunPolicy = "reject"
    passes_when_busy: bool = False
    """If the session is busy, continue with the next attempt."""
    passes_when_deleted: bool = False
    """If the session is deleted before it is locked, continue with the next attempt."""
    discard: Callable[[], Awaitable[None]] | None = None
    """Deletes a session that was created for the claim; None for an existing one."""
    empty: bool = False
    """The session has no messages yet."""


class SessionClaim(Protocol):
    """Which session a request wants."""

    @property
    def system(self) -> tuple[str, ...] | None:
        """The client's system messages, if it sent the complete conversation; None: those of the session apply."""

    def attempts(self) -> AsyncGenerator[Attempt]:
        """Ways to satisfy the claim, the best first."""

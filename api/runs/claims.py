"""Which session a request wants, in the words of whoever locks it: attempts, made one after the other."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from api.runs.settings import RunPolicy
from api.wire.messages import ChatMessage
from checkpoints.sessions import Session


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to satisfy a claim: a session, and what the conversation gains there."""

    session: Session
    new: Sequence[ChatMessage]
    """The client's messages that the session does not have. Empty when a question that was cut off is asked again."""
    fingerprint: str | Callable[[], Awaitable[str | None]]
    """Of the conversation once `new` is said. A function is called once the session is locked; it gives None when the
    session is no longer what was claimed."""
    policy: RunPolicy = "reject"
    passes_when_busy: bool = False
    """While the session is busy, the next attempt is made."""
    discard: Callable[[], Awaitable[None]] | None = None
    """Deletes a session that was made for the claim; None for one that was there."""
    empty: bool = False
    """Nothing was said in the session yet."""


class SessionClaim(Protocol):
    """Which session a request wants."""

    @property
    def system(self) -> tuple[str, ...] | None:
        """The client's system messages, when it has sent all that was said; None: those of the session count."""

    def attempts(self) -> AsyncGenerator[Attempt]:
        """Ways to satisfy it, the best first."""

"""The users table: who may come in, and as what."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "user", "guest"]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may use the service. Times are seconds since the epoch."""

    id: str
    """What everything else refers to: owners of sessions, folders of files. Never reused."""
    name: str
    role: Role


LOCAL = User(id="local", name="local", role="admin")
"""The owner of the machine, where no login is required. Never a row of the table."""

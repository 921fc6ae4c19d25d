"""Settings of accounts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Argon2:
    """What one check of a password costs; the defaults are those of RFC 9106 for machines short of memory."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class Quota:
    """What one user may use; 0 means without limit."""

    requests_per_minute: int = 0
    concurrent_runs: int = 0
    tokens_per_day: int = 0
    """Read and written together; a day begins at midnight UTC."""
    disk_mb: int = 0
    """The user's own files and all of their sessions together."""


@dataclass(frozen=True, slots=True)
class AccountsConfig:
    """How people come in."""

    login_required: bool = False
    """Without it, requests without a token act as the user `local`."""
    registration: bool = True
    """May anybody make an account?"""
    token_seconds: int = 24 * 3600
    """A token of a login is good for so long."""
    argon2: Argon2 = field(default_factory=Argon2)
    quota: Quota = field(default_factory=Quota)
    """For users without limits of their own."""

"""Login tokens, JWTs (RFC 7519) signed with HS256, and the keys that sign them.

The keys come from the environment, or are created at the first start in a JSON file that only the service can read and
that is always replaced atomically: `{"keys": [{"kid", "secret", "until"}]}`. The first key signs; the others only
verify until `until` (seconds since the epoch), when the last token that they signed has expired.
"""

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import jwt

from checkpoints.users import Account
from workspace.owned_folder import SCRATCH, owned_folder

SECRET_BYTES = 32


class SigningKeyError(Exception):
    """The key file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`until` is None for the signing key."""

    kid: str
    secret: str = field(repr=False)
    until: float | None = None


class SigningKeys(Protocol):
    """A source of keys. The first key signs."""

    def all(self) -> Sequence[SigningKey]: ...


class GivenKeys:
    """`SECRET_KEY`, and `SECRET_KEY_PREVIOUS` while it is set."""

    def __init__(self, secret: str, previous: str | None) -> None:
        self._keys = [SigningKey(_name(s), s) for s in (secret, previous) if s]

    def all(self) -> Sequence[SigningKey]:
        return self._keys


class KeyFile:
    """The keys in a file, read again when the file changes, so that keys can be rotated while the service runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], list[SigningKey]] | None = None
        with contextlib.suppress(FileExistsError):
            self._make()
        self.all()

    def all(self) -> Sequence[SigningKey]:
        """Raises `SigningKeyError`."""
        try:
            stat = self._path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, self._load())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SigningKeyError(f"{self._path} cannot be read as a file of signing keys") from error
        return [key for key in self._read[1] if key.until is None or key.until > time.time()]

    def rotate(self, keep_seconds: float) -> SigningKey:
        """Sign with a new key from now on; the earlier keys verify for `keep_seconds` more and are then dropped."""
        until = time.time() + keep_seconds
        old = [SigningKey(k.kid, k.secret, min(until, k.until or until)) for k in self.all()] if keep_seconds else []
        new = _fresh()
        with self._written([new, *old]) as complete:
            complete.replace(self._path)
        return new

    def _make(self) -> None:
        """Raises FileExistsError if another process was faster."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            return
        with self._written([_fresh()]) as complete:
            os.link(complete, self._path)

    def _load(self) -> list[SigningKey]:
        keys = [SigningKey(**entry) for entry in json.loads(self._path.read_text())["keys"]]
        if not keys or any(len(key.secret) < SECRET_BYTES for key in keys):
            raise ValueError("a key is missing or too short")
        return keys

    @contextlib.contextmanager
    def _written(self, keys: list[SigningKey]) -> Iterator[Path]:
        """A complete file, to be moved to its place in the block."""
        with owned_folder(self._path.parent / SCRATCH) as scratch:
            partial = scratch / "keys"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w") as file:  # noqa: PTH123 (a descriptor has no path)
                json.dump({"keys": [asdict(key) for key in keys]}, file)
                file.flush()
                os.fsync(file.fileno())
            yield partial


def _fresh() -> SigningKey:
    return SigningKey(secrets.token_hex(4), secrets.token_urlsafe(SECRET_BYTES))


def _name(secret: str) -> str:
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:8]


ALGORITHM = "HS256"


NAME = "llm-api"


CLAIMS = ("exp", "iat", "nbf", "iss", "aud", "sub", "gen", "jti")


LEEWAY_SECONDS = 5
"""Allowed difference between the clocks of replicas."""


class BadTokenError(Exception):
    """The token is forged, expired, or not ours."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a valid token: the user and their token generation."""

    user_id: str
    generation: int


class Tokens:
    """Issues and verifies tokens. Callers check that the user still exists and has this generation."""

    def __init__(self, keys: SigningKeys, seconds: int) -> None:
        self._keys = keys
        self.seconds = seconds

    def issue(self, account: Account) -> str:
        key, now = self._keys.all()[0], int(time.time())
        claims = {
            "iss": NAME,
            "aud": NAME,
            "sub": account.id,
            "gen": account.generation,
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str) -> Claim:
        """Raises `BadTokenError`. The algorithm is fixed, regardless of the token's header."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((key for key in self._keys.all() if key.kid == kid), None)
            if key is None:
                raise BadTokenError("no such key")
            claims = jwt.decode(
                token,
                key.secret,
                algorithms=[ALGORITHM],
                audience=NAME,
                issuer=NAME,
                leeway=LEEWAY_SECONDS,
                options={"require": list(CLAIMS)},
            )
        except jwt.InvalidTokenError as error:
            raise BadTokenError(str(error)) from error
        generation = claims["gen"]
        if type(generation) is not int:
            raise BadTokenError("gen is not a number")
        return Claim(claims["sub"], generation)

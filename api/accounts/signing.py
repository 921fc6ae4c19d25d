"""The keys that sign tokens: from the environment, or made at the first start and kept in a file.

The file is JSON, readable by the service alone, and always replaced in one step:
`{"keys": [{"kid", "secret", "until"}]}`. The first key signs; the others only verify, until `until` (seconds since the
epoch), when the last token that they signed has expired.
"""

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

SECRET_BYTES = 32


class SigningKeyError(Exception):
    """The file of keys cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`until` is None for the key that signs."""

    kid: str
    secret: str = field(repr=False)
    until: float | None = None


class SigningKeys(Protocol):
    """Where keys come from. The first of them signs."""

    def all(self) -> Sequence[SigningKey]: ...


class GivenKeys:
    """`SECRET_KEY`, and `SECRET_KEY_PREVIOUS` for as long as it stands there."""

    def __init__(self, secret: str, previous: str | None) -> None:
        self._keys = [SigningKey(_name(s), s) for s in (secret, previous) if s]

    def all(self) -> Sequence[SigningKey]:
        return self._keys


class KeyFile:
    """The keys of a file, read again whenever the file is another one: keys can be rotated while the service runs."""

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
        """A new key signs from now on; those before verify for `keep_seconds` more, and are dropped after that."""
        until = time.time() + keep_seconds
        old = [SigningKey(k.kid, k.secret, min(until, k.until or until)) for k in self.all()] if keep_seconds else []
        new = _fresh()
        self._write([new, *old]).replace(self._path)
        return new

    def _make(self) -> None:
        """Raises FileExistsError when another process was faster."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            return
        partial = self._write([_fresh()])
        try:
            os.link(partial, self._path)
        finally:
            partial.unlink()

    def _load(self) -> list[SigningKey]:
        keys = [SigningKey(**entry) for entry in json.loads(self._path.read_text())["keys"]]
        if not keys or any(len(key.secret) < SECRET_BYTES for key in keys):
            raise ValueError("no key, or one that is too short")
        return keys

    def _write(self, keys: list[SigningKey]) -> Path:
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:  # noqa: PTH123 (a descriptor has no path)
            json.dump({"keys": [asdict(key) for key in keys]}, file)
            file.flush()
            os.fsync(file.fileno())
        return partial


def _fresh() -> SigningKey:
    return SigningKey(secrets.token_hex(4), secrets.token_urlsafe(SECRET_BYTES))


def _name(secret: str) -> str:
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:8]

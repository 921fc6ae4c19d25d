"""Where a kernel listens."""

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..wire import CHANNELS


@dataclass(frozen=True)
class Listeners:
    """Listening sockets, in the order of CHANNELS."""

    sockets: list[socket.socket]

    @property
    def descriptors(self) -> list[int]:
        return [listener.fileno() for listener in self.sockets]

    def close(self) -> None:
        """Close them in this process; processes that received the descriptors keep them."""
        for listener in self.sockets:
            listener.close()


@dataclass(frozen=True)
class Endpoints:
    """Where a kernel listens: one Unix socket per channel."""

    base: str
    """What the paths begin with."""
    key: bytes
    """Signs the messages."""

    @classmethod
    def create(cls, base: str) -> "Endpoints":
        """With a new key."""
        return cls(base, os.urandom(32).hex().encode())

    def path(self, channel: str) -> Path:
        """The socket of a channel."""
        return Path(f"{self.base}-{CHANNELS.index(channel) + 1}")

    def connection_info(self) -> dict[str, Any]:
        """Jupyter's form of it, as kernels expect it."""
        ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
        key = self.key.decode()
        return {"transport": "ipc", "ip": self.base, "key": key, "signature_scheme": "hmac-sha256", **ports}

    def listen(self) -> Listeners:
        """Listening sockets for the kernel to inherit: clients can connect before it runs, and it needs no right to
        create sockets. Raises OSError.
        """
        with ExitStack() as undo:
            undo.callback(self.remove)
            listeners = Listeners([undo.enter_context(_listening(self.path(channel))) for channel in CHANNELS])
            undo.pop_all()
        return listeners

    def withdraw(self, listeners: Listeners) -> None:
        """Undo `listen`."""
        listeners.close()
        self.remove()

    def remove(self) -> None:
        """Delete the sockets' files."""
        for channel in CHANNELS:
            self.path(channel).unlink(missing_ok=True)


def _listening(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
        bound.listen(64)
    except BaseException:
        bound.close()
        raise
    return bound

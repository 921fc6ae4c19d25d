"""Resources of the server that a sandboxed kernel might try to reach, and whether it did."""

import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "the-canary-sings"


@dataclass
class World:
    """What the attempts know."""

    folder: Path
    canary: Path
    """A file that everyone may read and write, in a folder that everyone may write to."""

    victim: "subprocess.Popen[bytes]"
    """A process of the same user."""

    victim_uid: int
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket

    def facts(self) -> dict[str, object]:
        """Names for the attempts' code."""
        return {
            "SECRET": SECRET,
            "CANARY": str(self.canary),
            "FOLDER": str(self.folder),
            "VICTIM": self.victim.pid,
            "SERVER": os.getpid(),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": self.unix.getsockname(),
            "ABSTRACT": self.abstract.getsockname().decode(),
        }

    def damage(self) -> list[str]:
        """What the attempts have done to the world."""
        found = []
        if not self._canary_is_well():
            found.append("the canary was changed")
        if {path.name for path in self.folder.iterdir()} != {"canary", "unix"}:
            found.append("files were made")
        if self.victim.poll() is not None:
            found.append("the victim died")
        listeners = {"TCP": self.tcp, "UDP": self.udp, "unix": self.unix, "abstract": self.abstract}
        for name, listener in listeners.items():
            try:
                listener.recvfrom(100) if name == "UDP" else listener.accept()
            except (BlockingIOError, OSError):
                continue
            found.append(f"{name} traffic arrived")
        return found

    def _canary_is_well(self) -> bool:
        if not self.canary.exists() or self.canary.stat().st_mode & 0o777 != 0o666:
            return False
        return self.canary.read_text(encoding="utf-8") == SECRET

    def repair(self) -> None:
        """Restore everything, so that the next attempt finds the world unchanged."""
        if self.victim.poll() is not None:
            self.victim = _victim(self.victim_uid)
        for path in self.folder.iterdir():
            if path.name not in {"canary", "unix"}:
                path.rmdir() if path.is_dir() else path.unlink()
        self.canary.unlink(missing_ok=True)
        self.canary.write_text(SECRET, encoding="utf-8")
        self.canary.chmod(0o666)


@contextmanager
def made(folder: Path, victim_uid: int) -> Iterator[World]:
    """A world in `folder`; its victim runs as the kernels' user."""
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    canary = folder / "canary"
    canary.write_text(SECRET, encoding="utf-8")
    canary.chmod(0o666)
    with ExitStack() as stack:
        kinds = [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)]
        tcp, udp = (stack.enter_context(socket.socket(*kind)) for kind in kinds)
        unix, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(folder / "unix"))
        (folder / "unix").chmod(0o777)
        abstract.bind(b"\0canary-" + secrets.token_hex(4).encode())
        for listener in (tcp, unix, abstract):
            listener.listen()
        for listener in (tcp, udp, unix, abstract):
            listener.setblocking(False)
        found = World(folder, canary, _victim(victim_uid), victim_uid, tcp, udp, unix, abstract)
        try:
            yield found
        finally:
            found.victim.kill()
            found.victim.wait()


def _victim(uid: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "1000"], user=uid or None, env={"VICTIM_SECRET": SECRET})

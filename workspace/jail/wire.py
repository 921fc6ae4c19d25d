"""Messages between the server and the fork server: one JSON object per packet, with descriptors attached."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

ARTIFACT = "application/vnd.llm-api.artifact+json"
"""Display messages have `{"path": <relative to the session's folder>}` of a saved figure under this type."""

CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
PACKET = 1 << 18
"""Maximum size of a packet, in bytes."""

WORK = "/mnt/data"
"""The session's folder in the kernel's own file tree."""
SCRATCH = ("/tmp", "/dev/shm")  # noqa: S108
"""The scratch folders in that tree, in memory."""


class Level(StrEnum):
    """Sandbox levels, strongest first."""

    FULL = "full"
    """Namespaces, Landlock, seccomp, limits."""

    NAMESPACES = "namespaces"
    """Like `full`, without Landlock (Linux before 5.13)."""

    LANDLOCK = "landlock"
    """Landlock, seccomp, limits; no namespaces (ordinary containers)."""

    OFF = "off"
    """Limits only."""

    @property
    def has_namespaces(self) -> bool:
        """Whether a kernel sees only its own files, processes and network."""
        return self in {Level.FULL, Level.NAMESPACES}

    @property
    def has_landlock(self) -> bool:
        """Whether Landlock guards the files."""
        return self in {Level.FULL, Level.LANDLOCK}


@dataclass(frozen=True)
class Limits:
    """Resource limits of one kernel."""

    memory: int
    """Bytes of address space in addition to what the forked libraries have mapped."""

    processes: int
    """Processes and threads together."""

    cpu_seconds: int
    """Processor seconds in the lifetime of one process."""

    file_size: int
    """Maximum size of a file, in bytes."""

    open_files: int
    """Maximum number of descriptors of one process."""


@dataclass(frozen=True)
class ZygoteConfig:
    """Passed to the fork server once, at its start."""

    level: Level
    user_namespaces: bool
    """Whether each kernel gets a user namespace; root can use the other namespaces without one."""

    sessions: str
    """The folder that contains all sessions' folders."""

    runtime: str
    """The folder of the sockets; removed when the server is gone."""

    read_only: tuple[str, ...]
    """Files and folders that kernels may read."""

    preload: tuple[str, ...]
    scratch_size: int
    server_pid: int

    def to_json(self) -> bytes:
        """The first packet on the control socket."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> "ZygoteConfig":
        """The inverse of `to_json`."""
        raw = json.loads(text)
        for name in ("read_only", "preload"):
            raw[name] = tuple(raw[name])
        return cls(**{**raw, "level": Level(raw["level"])})


@dataclass(frozen=True)
class Spawn:
    """What one kernel is given: the first packet on its state socket.

    Only the forked kernel reads it. The fork server never has it, so no later kernel can find it in memory.
    """

    folder: str
    """Path of the session's folder in `ZygoteConfig.sessions`."""

    uid: int
    """The user to change to, 0 to keep the current one."""

    limits: Limits
    output_size: int
    """Characters that a cell may print."""

    message_size: int
    """Bytes of one message to the server."""

    connection: dict[str, Any]
    """Jupyter's connection info."""

    def to_packet(self) -> bytes:
        """The packet for the state socket."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_packet(cls, packet: bytes) -> "Spawn":
        """The inverse of `to_packet`."""
        raw = json.loads(packet)
        return cls(**{**raw, "limits": Limits(**raw["limits"])})

"""What the server and the fork server say to each other: one JSON object a packet, descriptors beside it."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

ARTIFACT = "application/vnd.llm-api.artifact+json"
"""Display messages carry `{"path": <relative to the session's folder>}` of a saved figure under this type."""

CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
PACKET = 1 << 18
"""Bytes of the largest packet."""


class Level(StrEnum):
    """How kernels are confined, strongest first."""

    FULL = "full"
    """Namespaces, Landlock, seccomp, limits."""

    NAMESPACES = "namespaces"
    """As `full` without Landlock (kernels older than 5.13)."""

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
    """What one kernel may use."""

    memory: int
    """Bytes of address space beyond what the forked libraries map already."""

    processes: int
    """Processes and threads together."""

    cpu_seconds: int
    """Processor seconds of one process's whole life."""

    file_size: int
    """Bytes of the largest file."""

    open_files: int
    """Descriptors of one process."""


@dataclass(frozen=True)
class ZygoteConfig:
    """Given to the fork server once, at its start."""

    level: Level
    user_namespaces: bool
    """Whether each kernel gets a user namespace; root can do with the other namespaces alone."""

    sessions: str
    """The folder that all sessions' folders lie in."""

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
        """The reverse of `to_json`."""
        raw = json.loads(text)
        for name in ("read_only", "preload"):
            raw[name] = tuple(raw[name])
        return cls(**{**raw, "level": Level(raw["level"])})


@dataclass(frozen=True)
class Spawn:
    """Ask for one kernel. Descriptors beside it: five listening sockets in the order of CHANNELS, the state
    socket.
    """

    id: int
    folder: str
    """Path of the session's folder below `ZygoteConfig.sessions`."""

    uid: int
    """The user to become, 0 to stay the same."""

    limits: Limits
    output_size: int
    connection: dict[str, Any]
    """jupyter_client's connection info, with the key as text."""

    def to_packet(self) -> bytes:
        """The packet for the control socket."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_packet(cls, packet: bytes) -> "Spawn":
        """The reverse of `to_packet`."""
        raw = json.loads(packet)
        return cls(**{**raw, "limits": Limits(**raw["limits"])})

"""Settings of sessions' folders and kernels."""

from dataclasses import dataclass, field
from pathlib import Path

from workspace.jail.settings import JailSettings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """Where sessions live and what one session may use."""

    sessions_dir: Path = Path("data/sessions")
    """One folder a session below it."""
    snapshots_dir: Path = Path("data/snapshots")
    """What kernels remember, below it."""
    jail: JailSettings = field(default_factory=JailSettings)
    """How kernels are locked in, and what one may use."""
    code_timeout: float = 60.0
    """Seconds that one cell may run before it is interrupted."""
    max_file_bytes: int = 64 * MIB
    """Largest single upload."""
    max_output_chars: int = 64_000
    """What is kept of one cell's output; the middle of longer output is dropped."""
    max_kernels: int = 32
    """Kernels alive at once; beyond it idle ones end, and then programs wait."""
    max_kernels_per_user: int = 16
    """The same for one user."""
    idle_seconds: float = 900.0
    """A kernel idle for so long ends; its variables are kept."""
    closing_seconds: float = 5.0
    """How long the end of a kernel waits for the snapshot under way."""
    sweep_seconds: float = 5.0
    """How often idle kernels and free memory are looked at."""
    reserve_memory: int = 512 * MIB
    """When less memory than this is free on the machine, idle kernels end, the longest idle first."""

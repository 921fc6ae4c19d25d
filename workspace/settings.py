"""Settings of sessions' folders and kernels."""

from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """Where sessions live and what one session may use."""

    sessions_dir: Path = Path("data/sessions")
    """One folder a session below it."""
    code_timeout: float = 60.0
    """Seconds that one cell may run before it is interrupted."""
    preload: tuple[str, ...] = ("pandas", "numpy", "matplotlib.pyplot")
    """Libraries imported at the kernel's start, under their usual short names."""
    max_file_bytes: int = 64 * MIB
    """Largest single upload."""
    max_output_chars: int = 64_000
    """What is kept of one cell's output; the middle of longer output is dropped."""
    max_idle_kernels: int = 8
    """Kernels kept running between turns; each holds some 150 MB."""

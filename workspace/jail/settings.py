"""Settings of the sandbox and its limits."""

from typing import Literal

from pydantic import Field

from workspace.settings import MIB
from workspace.settings_model import Internal, SettingsModel

SandboxMode = Literal["strict", "auto", "off"]
OPEN_FILES = 1024
"""Maximum number of open descriptors of one kernel process."""
FIRST_UID, UIDS = 40_000, 20_000
"""If the server runs as root, a session's kernel runs as one of these users, chosen by its name. Nothing else on the
machine should use them.
"""


class JailSettings(SettingsModel):
    """How a session's Python is confined, and its limits."""

    sandbox: SandboxMode = "auto"
    """`strict`: start only if every layer of the sandbox works. `auto`: the strongest sandbox that this machine
    supports; do not start if there is none. `off`: no sandbox, programs can do everything that the service can.
    """
    python_code_preload_libraries: tuple[str, ...] = ("pandas", "numpy", "matplotlib.pyplot")
    """Modules, separated by commas, that are imported before a kernel starts. A missing one is logged and skipped."""
    kernel_memory_mb: int = Field(default=2048, ge=256)
    """Memory limit of all processes of one session together, in MB."""
    kernel_processes: int = Field(default=128, ge=16)
    """Maximum number of processes and threads of one session; the kernel itself needs about ten."""
    kernel_cpu_seconds: int = Field(default=3600, ge=1)
    """Processor time limit of one process, in seconds. A kernel that reaches it is replaced and keeps its variables."""
    kernel_file_mb: int = Field(default=512, ge=1)
    """Maximum size of a file that a program may write, in MB."""
    kernel_folder_mb: int = Field(default=1024, ge=1)
    """Total size of a session's files, in MB."""
    kernel_folder_files: int = Field(default=10_000, ge=10)
    """Maximum number of files and folders of one session."""
    kernel_output_kb: int = Field(default=1024, ge=1)
    """Maximum output of a program, in kB. The rest is cut off with a note."""
    snapshot_mb: int = Field(default=2048, ge=1)
    """Total size of a session's saved variables, in MB. A single variable may take a quarter of it."""
    snapshot_share: Internal[float] = 0.25
    """The part of `snapshot_mb` that one variable may take; larger ones are not saved, which is reported."""
    snapshot_seconds: Internal[float] = 60.0
    """Time limit for saving or restoring variables."""
    scratch_mb: Internal[int] = 64
    """Size of the kernel's own `/tmp`, and of its `/dev/shm`; both count as memory."""
    message_mb: Internal[int] = 8
    """Maximum size of a message that the server accepts from a kernel, including images."""
    start_seconds: Internal[float] = 30.0
    """Time limit for a kernel or the fork server to start."""
    idle_cpu_seconds: Internal[float] = 5.0
    """Processor time that threads and tasks may use after their program has ended. Beyond it, the kernel is ended; it
    starts again with its variables for the next program.
    """
    watch_seconds: Internal[float] = 0.25
    """How often memory and folders are measured."""

    @property
    def memory(self) -> int:
        """`kernel_memory_mb` in bytes; the properties below convert likewise."""
        return self.kernel_memory_mb * MIB

    @property
    def folder_size(self) -> int:
        return self.kernel_folder_mb * MIB

    @property
    def snapshot_size(self) -> int:
        return self.snapshot_mb * MIB

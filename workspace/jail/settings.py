"""How kernels are confined and what one may use."""

from typing import Literal

from pydantic import Field

from workspace.settings import MIB
from workspace.settings_model import Internal, SettingsModel

SandboxMode = Literal["strict", "auto", "off"]
OPEN_FILES = 1024
"""Descriptors of one process of a kernel."""
FIRST_UID, UIDS = 40_000, 20_000
"""When the server is root, a session's kernel runs as one of these users, chosen by its name. Nothing else on the
machine should use them."""


class JailSettings(SettingsModel):
    """How a session's Python is confined, and what it may use."""

    sandbox: SandboxMode = "auto"
    """`strict`: start only if every layer of the sandbox works. `auto`: the strongest sandbox that this machine
    supports; do not start if there is none. `off`: no sandbox, any program can do whatever the service can."""
    python_code_preload_libraries: tuple[str, ...] = ("pandas", "numpy", "matplotlib.pyplot")
    """Modules, separated by commas, that are imported before a kernel starts. A missing one is logged and left out."""
    kernel_memory_mb: int = Field(default=2048, ge=256)
    """Memory of all processes of one session together, in MB."""
    kernel_processes: int = Field(default=128, ge=16)
    """Processes and threads of one session; the kernel itself needs about ten."""
    kernel_cpu_seconds: int = Field(default=3600, ge=1)
    """Processor time of one process. A kernel that has used it up is replaced and gets its variables back."""
    kernel_file_mb: int = Field(default=512, ge=1)
    """Size of the largest file that a program may write, in MB."""
    kernel_folder_mb: int = Field(default=1024, ge=1)
    """Size of all files of one session together, in MB."""
    kernel_folder_files: int = Field(default=10_000, ge=10)
    """Number of files and folders of one session."""
    kernel_output_kb: int = Field(default=1024, ge=1)
    """Text that one program may print, in kB. The rest is cut off with a note."""
    snapshot_mb: int = Field(default=2048, ge=1)
    """Size of all saved variables of one session together, in MB. A single variable may take a quarter of it."""
    snapshot_share: Internal[float] = 0.25
    """The part of `snapshot_mb` that one variable may take; a larger one is not saved, and reported."""
    snapshot_seconds: Internal[float] = 60.0
    """A save or a restore that takes longer is given up."""
    scratch_mb: Internal[int] = 64
    """Size of the kernel's own `/tmp`, and of its `/dev/shm`; both count as memory."""
    message_mb: Internal[int] = 8
    """The largest message that the server accepts from a kernel, pictures included."""
    start_seconds: Internal[float] = 30.0
    """Time for a kernel to become ready, and for the fork server to boot."""
    watch_seconds: Internal[float] = 0.25
    """How often memory and folders are measured."""

    @property
    def memory(self) -> int:
        """`kernel_memory_mb` in bytes, like those below."""
        return self.kernel_memory_mb * MIB

    @property
    def folder_size(self) -> int:
        return self.kernel_folder_mb * MIB

    @property
    def snapshot_size(self) -> int:
        return self.snapshot_mb * MIB

"""How Python is locked in, and what one session may use."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, NoDecode

from api.settings.parsing import split
from workspace.jail.settings import JailSettings, SandboxMode
from workspace.settings import MIB


class KernelSettings(BaseSettings):
    """Kernels, jail and snapshots."""

    python_code_preload_libraries: Annotated[tuple[str, ...], NoDecode, split] = (
        "pandas",
        "numpy",
        "matplotlib.pyplot",
    )
    """Imported when a session's Python starts."""
    sandbox: SandboxMode = "auto"
    """`strict`: refuse to start unless every wall stands; `auto`: the strongest that this machine allows, refuse when
    there is none; `off`: no walls."""
    max_kernels: int = Field(default=32, ge=1)
    """Pythons alive at once; beyond it idle ones end, and then programs wait."""
    max_kernels_per_user: int = Field(default=16, ge=1)
    kernel_idle_minutes: float = Field(default=15, gt=0)
    """A Python idle for so long ends; its variables come back with the next program."""
    kernel_memory_mb: int = Field(default=2048, ge=256)
    """Memory of one session's processes together."""
    kernel_processes: int = Field(default=128, ge=16)
    kernel_cpu_seconds: int = Field(default=3600, ge=1)
    kernel_file_mb: int = Field(default=512, ge=1)
    """The largest file that a program may write."""
    kernel_folder_mb: int = Field(default=1024, ge=1)
    """All files of one session together."""
    kernel_folder_files: int = Field(default=10_000, ge=10)
    kernel_output_kb: int = Field(default=1024, ge=1)
    """Text that one program may print."""
    snapshot_mb: int = Field(default=2048, ge=1)
    """All kept variables of one session together; a single one may be a quarter of it."""

    def jail(self) -> JailSettings:
        return JailSettings(
            sandbox=self.sandbox,
            preload=self.python_code_preload_libraries,
            memory=self.kernel_memory_mb * MIB,
            processes=self.kernel_processes,
            cpu_seconds=self.kernel_cpu_seconds,
            file_size=self.kernel_file_mb * MIB,
            folder_size=self.kernel_folder_mb * MIB,
            folder_files=self.kernel_folder_files,
            output_size=self.kernel_output_kb * 1024,
            snapshot_size=self.snapshot_mb * MIB,
            snapshot_variable_size=self.snapshot_mb * MIB // 4,
        )

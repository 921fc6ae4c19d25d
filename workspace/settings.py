"""Settings of sessions' kernels."""

from pydantic import Field

from workspace.settings_model import Internal, SettingsModel

MIB = 1 << 20


class WorkspaceSettings(SettingsModel):
    """How many Python kernels run at once, and for how long."""

    python_code_timeout: float = Field(default=60, gt=0)
    """Time limit of a program, in seconds."""
    max_kernels: int = Field(default=32, ge=1)
    """Maximum number of running kernels. Beyond it, idle kernels are stopped first, then programs wait."""
    max_kernels_per_user: int = Field(default=16, ge=1)
    """The same for one user."""
    kernel_idle_minutes: float = Field(default=15, gt=0)
    """How long a kernel may be idle before it is stopped, in minutes. Its variables are restored for the next
    program.
    """
    max_output_chars: Internal[int] = 64_000
    """Maximum number of characters kept of a cell's output; the middle of longer output is dropped."""
    closing_seconds: Internal[float] = 5.0
    """How long the end of a kernel waits for a running snapshot."""
    sweep_seconds: Internal[float] = 5.0
    """How often idle kernels and free memory are checked."""
    reserve_memory: Internal[int] = 512 * MIB
    """If less memory (in bytes) is free on the machine, idle kernels are stopped, the longest idle one first."""

    @property
    def idle_seconds(self) -> float:
        return self.kernel_idle_minutes * 60

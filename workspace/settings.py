"""Settings of sessions' kernels."""

from pydantic import Field

from workspace.settings_model import Internal, SettingsModel

MIB = 1 << 20


class WorkspaceSettings(SettingsModel):
    """How many Python kernels live at once, and for how long."""

    python_code_timeout: float = Field(default=60, gt=0)
    """Seconds that one program may run."""
    max_kernels: int = Field(default=32, ge=1)
    """Kernels alive at once. Beyond it idle kernels end first, then programs wait."""
    max_kernels_per_user: int = Field(default=16, ge=1)
    """The same for one user."""
    kernel_idle_minutes: float = Field(default=15, gt=0)
    """A kernel that has been idle for this long ends. Its variables come back with the next program."""
    max_output_chars: Internal[int] = 64_000
    """What is kept of one cell's output; the middle of longer output is dropped."""
    closing_seconds: Internal[float] = 5.0
    """How long the end of a kernel waits for the snapshot under way."""
    sweep_seconds: Internal[float] = 5.0
    """How often idle kernels and free memory are checked."""
    reserve_memory: Internal[int] = 512 * MIB
    """When less memory (bytes) is free on the machine, idle kernels end, the longest idle first."""

    @property
    def idle_seconds(self) -> float:
        return self.kernel_idle_minutes * 60

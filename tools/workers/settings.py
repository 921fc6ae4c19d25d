"""Settings of the processes that read files."""

from pydantic import Field

from workspace.settings import MIB
from workspace.settings_model import SettingsModel


class WorkerSettings(SettingsModel):
    """Worker processes that read files, one process per file."""

    workers: int = Field(default=2, ge=1)
    """Files that are read concurrently."""
    read_seconds: float = Field(default=30, gt=0)
    """Time limit for reading one file, in seconds."""
    read_memory_mb: int = Field(default=1024, ge=64)
    """Memory limit for reading one file, in MB, in addition to the loaded libraries."""

    @property
    def read_memory(self) -> int:
        """In bytes."""
        return self.read_memory_mb * MIB

"""Settings of the cache of file profiles."""

from pydantic import Field

from workspace.settings_model import SettingsModel


class FileCacheSettings(SettingsModel):
    """The cache of what files contain."""

    enable_file_metadata_cache: bool = True
    """Whether what a file contains is remembered, so that it is not read again."""
    file_metadata_cache_ttl_hours: float = Field(default=24, gt=0)
    """For how many hours."""

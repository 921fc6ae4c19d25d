"""Settings of the cache of file profiles."""

from pydantic import Field

from workspace.settings_model import SettingsModel


class FileCacheSettings(SettingsModel):
    """The cache of file profiles."""

    enable_file_metadata_cache: bool = True
    """Whether file profiles are cached."""
    file_metadata_cache_ttl_hours: float = Field(default=24, gt=0)
    """How long profiles are cached, in hours."""

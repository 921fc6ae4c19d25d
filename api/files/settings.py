"""Settings of uploads and of links to files."""

from pydantic import Field

from workspace.settings import MIB
from workspace.settings_model import SettingsModel


class UploadSettings(SettingsModel):
    """Limits of uploads."""

    max_upload_mb: int = Field(default=64, ge=1)
    """Maximum size of a single upload, in MB."""
    upload_idle_seconds: float = Field(default=30, gt=0)
    """How long a request body may make no progress, in seconds."""
    user_storage_mb: int = Field(default=2048, ge=1)
    """Total size of a user's uploads, in MB."""
    user_max_files: int = Field(default=1000, ge=1)
    """Maximum number of a user's uploads."""

    @property
    def max_file_bytes(self) -> int:
        return self.max_upload_mb * MIB

    @property
    def user_bytes(self) -> int:
        return self.user_storage_mb * MIB


class LinkSettings(SettingsModel):
    """Links in answers to files that the agent created."""

    public_url: str = ""
    """URL at which clients reach the service (`https://host:port`). Empty: as in the request."""
    image_link_hours: float = Field(default=24, ge=0, le=24 * 366)
    """How many hours the signed links to the agent's images are valid. They work without a login. 0: no links."""

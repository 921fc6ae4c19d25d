"""Settings of uploads, and of links to files."""

from pydantic import Field

from workspace.settings import MIB
from workspace.settings_model import SettingsModel


class UploadSettings(SettingsModel):
    """How much may be uploaded."""

    max_upload_mb: int = Field(default=64, ge=1)
    """Size of the largest single upload, in MB."""
    upload_idle_seconds: float = Field(default=30, gt=0)
    """A request whose body makes no progress for this long is cut off."""
    user_storage_mb: int = Field(default=2048, ge=1)
    """Size of all uploads of one user together, in MB."""
    user_max_files: int = Field(default=1000, ge=1)
    """Number of uploads of one user."""

    @property
    def max_file_bytes(self) -> int:
        return self.max_upload_mb * MIB

    @property
    def user_bytes(self) -> int:
        return self.user_storage_mb * MIB


class LinkSettings(SettingsModel):
    """Links in answers to the files that the agent made."""

    public_url: str = ""
    """How clients reach the service (`https://host:port`). Empty: as in the request."""
    image_link_hours: float = Field(default=24, ge=0, le=24 * 366)
    """Answers link to the agent's images. A signed link works without a login for this many hours. 0: no links."""

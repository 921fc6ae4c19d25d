"""Settings of what looks at images."""

from pydantic import Field

from workspace.settings_model import SettingsModel


class VisionSettings(SettingsModel):
    """How images are shown to a vision model."""

    max_side: int = Field(default=1280, ge=64, le=8192)
    """Longer side, in pixels, of an image that a vision model is shown."""
    timeout: float = Field(default=120, gt=0)
    """Seconds that a vision model may take to answer."""

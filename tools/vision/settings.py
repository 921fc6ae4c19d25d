"""Settings of image analysis."""

from pydantic import Field

from workspace.settings_model import SettingsModel


class VisionSettings(SettingsModel):
    """How images are passed to a vision model, and scanned pages to text recognition."""

    max_side: int = Field(default=1280, ge=64, le=8192)
    """Maximum length of an image's longer side, in pixels; larger images are scaled down."""
    ocr_pages: int = Field(default=100, ge=0)
    """Maximum number of scanned pages of a document that text recognition reads for document search; 0 turns it off."""
    timeout: float = Field(default=120, gt=0)
    """Time limit for a vision model's answer, in seconds."""

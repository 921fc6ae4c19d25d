"""Settings of what looks at images."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """How large an image is shown, and how long looking may take."""

    max_side: int = 1280
    """Pixels of the longer side of what a vision model is shown."""
    timeout: float = 120.0
    """Seconds that a vision model may take for one answer."""

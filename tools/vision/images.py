"""Converts untrusted images to plain ones. Runs in a worker process (`tools/workers/pool.py`)."""

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.vision.colours import colours_of
from tools.workers.jobs import JobError

if TYPE_CHECKING:
    from PIL.Image import Image

PRELOAD = ("PIL.Image", "PIL.ImageOps", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "numpy")
"""Modules that a worker should preload; the service itself never needs them."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 64_000_000
LARGEST_PNG = 1_500_000
"""Size in bytes from which a JPEG is sent instead."""
JPEG_QUALITY = 90
OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "an archive or an office document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"8BPS", "a Photoshop file"),
)
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, ArithmeticError, LookupError, TypeError)
"""What Pillow raises for invalid files."""


class ImageRefusedError(JobError):
    """The image cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Properties of an image determined from its pixels. Sizes are those of the upright image."""

    format: str
    width: int
    height: int
    animated: bool
    turned: bool
    """Whether it was stored rotated, with EXIF orientation."""
    colours: tuple[tuple[str, float], ...]
    """The main colors as words and their shares of the image, largest first."""

    @property
    def orientation(self) -> str:
        if 0.95 < self.width / self.height < 1.05:
            return "square"
        return "landscape" if self.width > self.height else "portrait"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image prepared for a model: upright, without transparency or metadata, scaled, re-encoded."""

    facts: Facts
    data: bytes
    mime: str
    width: int
    height: int


def show(data: bytes, max_side: int) -> Picture:
    """Raises `ImageRefusedError`."""
    image, facts = upright(data)
    image.thumbnail((max_side, max_side))
    encoded, mime = _encoded(image, lossless=facts.format in ("PNG", "GIF", "BMP"))
    return Picture(facts, encoded, mime, image.width, image.height)


def upright(data: bytes, frame: int = 0) -> "tuple[Image, Facts]":
    """One frame of the file, counted from 0, as plain RGB. Raises `ImageRefusedError`."""
    from PIL import Image, ImageOps  # noqa: PLC0415 (see PRELOAD)

    # The limit is ours, and an error; Pillow's own is only a warning at first.
    Image.MAX_IMAGE_PIXELS = None
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except _DAMAGED as error:
        raise ImageRefusedError(_no_image(data)) from error
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise ImageRefusedError(
            f"The image has {image.width} × {image.height} pixels; at most {MAX_PIXELS // 1_000_000} million are "
            "allowed. Make it smaller first."
        )
    kind, animated = image.format or "", bool(getattr(image, "is_animated", False))
    try:
        if frame:
            image.seek(frame)
        image.load()
        turned = image.getexif().get(0x0112, 1) not in (0, 1)
        image = ImageOps.exif_transpose(image) if turned else image
        plain = _plain(image)
    except _DAMAGED as error:
        raise ImageRefusedError("The image is damaged or truncated.") from error
    facts = Facts(kind, plain.width, plain.height, animated, turned, colours_of(plain))
    return plain, facts


def _plain(image: "Image") -> "Image":
    """RGB, on white if it was transparent, 16 bits reduced to 8."""
    from PIL import Image  # noqa: PLC0415 (see PRELOAD)

    if image.mode.startswith("I") or image.mode == "F":
        lowest, highest = image.getextrema()
        span = (float(highest) - float(lowest)) or 1.0  # type: ignore[arg-type]
        image = image.convert("F").point(lambda value: (value - float(lowest)) * (255 / span))  # type: ignore[arg-type]
        return image.convert("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def _encoded(image: "Image", *, lossless: bool) -> tuple[bytes, str]:
    """PNG if sharp edges matter and it stays small, otherwise JPEG."""
    if lossless:
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=6)
        if out.tell() <= LARGEST_PNG:
            return out.getvalue(), "image/png"
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), "image/jpeg"


def _no_image(data: bytes) -> str:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = ", ".join(FORMATS)
    if not data:
        return "The file is empty."
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in data[:4096].lower()):
        return "The file is an SVG, a drawing in text: read it as text, or draw it with Python as a PNG first."
    if data[4:8] == b"ftyp":
        return f"The file is a video or an image of an unsupported type (HEIC, AVIF); supported: {known}."
    for magic, name in OTHERS:
        if data.startswith(magic):
            return f"The file is {name}, not an image, regardless of its name."
    return f"The file is not a supported image, or its beginning is damaged; supported: {known}."

"""Images: size, mode, EXIF. Only the header is read; a small image is decoded to check that it is complete."""

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image

from tools.files.profile import DAMAGE, Fact, FileUnreadable, Profile, plain
from tools.files.sections import DocumentText, Scans, Section
from tools.files.source import Source
from tools.vision.images import upright

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
DECODED_PIXELS = 16_000_000
MAX_PAGES = 5000
HUGE_PIXELS = 178_956_970
"""Pillow itself refuses to open larger images."""
_EXIF = {
    "Make": "camera_make", "Model": "camera_model", "DateTime": "taken", "Orientation": "orientation",
    "Software": "software", "Artist": "artist", "Copyright": "copyright", "ImageDescription": "description",
}  # fmt: skip


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """Raises `FileUnreadable`, also for errors in the block."""
    # A header is harmless, however many pixels it claims; `DECODED_PIXELS` limits decoding.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(source.path, formats=FORMATS) as image:
            yield image
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise FileUnreadable("It begins like a picture, but cannot be read as one.") from error


def profile(source: Source) -> Profile:
    with _opened(source) as image:
        pixels = image.width * image.height
        facts: dict[str, Fact] = {
            "size": f"{image.width} × {image.height} pixels",
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "format": image.format or "",
            "frames": int(getattr(image, "n_frames", 1)) if pixels <= DECODED_PIXELS else 1,
        }
        if image.format != "PNG" or pixels <= DECODED_PIXELS:  # a PNG is decoded to find EXIF after its pixels
            facts |= _exif(image)
        notes = [_damage(image)] if pixels <= DECODED_PIXELS else []
    if pixels > HUGE_PIXELS:
        notes = ["It has so many pixels that programs refuse to open it."]
    return Profile(
        kind="image",
        title=f"{facts['format']} picture",
        bytes=source.size,
        load="from PIL import Image; image = Image.open({name})",
        facts=facts,
        notes=[note for note in notes if note],
        scanned=[1] if pixels <= DECODED_PIXELS else [],
    )


def sections(source: Source) -> list[Section]:
    """Empty: the text of an image is in its pixels."""
    del source
    return []


def document(source: Source) -> DocumentText:
    """No sections; each page of a TIFF is a scan, and the first picture of other formats."""
    with _opened(source) as image:
        pages = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    return DocumentText([], Scans(pages, list(range(1, min(pages, MAX_PAGES) + 1)), pictures_only=True))


def picture(source: Source, number: int, side: int) -> Image.Image:
    """A page of the image, upright. Raises `ImageRefusedError`."""
    image, _ = upright(source.path.read_bytes(), number - 1)
    image.thumbnail((side, side))
    return image


def _exif(image: Image.Image) -> dict[str, Fact]:
    try:
        tags = dict(image.getexif())
    except DAMAGE:
        return {}
    named = {ExifTags.TAGS.get(number, ""): value for number, value in list(tags.items())[:200]}
    return {ours: plain(named[theirs], 100) for theirs, ours in _EXIF.items() if named.get(theirs)}


def _damage(image: Image.Image) -> str:
    try:
        image.load()
    except DAMAGE:
        return "It is damaged or cut off: not all of it can be decoded."
    return ""

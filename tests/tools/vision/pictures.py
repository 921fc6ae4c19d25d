"""Images for tests: valid ones, and malicious ones."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

LINES = (
    "INVOICE No. 2024-0871",
    "Total amount due: 1,284.50 EUR",
    "Please pay before 15 March 2025",
    "IBAN FR76 3000 6000 0112",
)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def printed(lines: Sequence[str] = LINES, size: tuple[int, int] = (1000, 400)) -> Image.Image:
    """Dark blue text on white."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        pen.text((60, 40 + 80 * at), line, fill="navy", font=ImageFont.load_default(36))
    return image


def half_and_half(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    return image


def lying(image: Image.Image, orientation: int, **options: Any) -> bytes:
    """A JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for tag, value in options.items():
        exif[int(tag.removeprefix("tag"))] = value
    return encoded(image, "JPEG", exif=exif, quality=95)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that claims a size; its pixels need not exist."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = _chunk(b"IDAT", body or zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + data + _chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG with a compressed comment of 200 MB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    comment = _chunk(b"zTXt", b"Comment\0\0" + packed)
    whole = encoded(half_and_half())
    return whole[:33] + comment + whole[33:]


GIANT_GIF = b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0" + b"\x02\x02\x4c\x01\0;"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "60,000 × 60,000 pixels": (png_of(60_000, 60_000), "60000 × 60000 pixels"),
    "a line of 100 million pixels": (png_of(100_000_000, 1), "100000000 × 1 pixels"),
    "no pixels at all": (png_of(0, 0), "not a supported image"),
    "a negative size": (png_of(0x7FFFFFFF, 0x7FFFFFFF), "pixels"),
    "a GIF of 65,535 × 65,535": (GIANT_GIF, "65535 × 65535 pixels"),
    "cut off": (encoded(printed())[:5000], "damaged"),
    "a JPEG cut off": (encoded(printed(), "JPEG")[:4000], "damaged"),
    "only a signature": (b"\x89PNG\r\n\x1a\n", "not a supported image"),
    "damaged in the middle": (png_of(100, 100, b"not compressed"), "damaged"),
    "a comment of 200 MB": (text_bomb(), "damaged"),
    "empty": (b"", "empty"),
    "text": (b"just words, whatever the name says", "not a supported image"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
    "SVG with a declaration": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "SVG"),
    "a PDF": (b"%PDF-1.7\n", "a PDF, not an image"),
    "an archive": (b"PK\x03\x04" + bytes(50), "an archive"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a supported image"),
    "a program": (b"MZ" + bytes(100), "not a supported image"),
    "zeros": (bytes(1000), "not a supported image"),
}
"""The content of the file, and a part of the expected message."""

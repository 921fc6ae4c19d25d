"""Text recognition in images with PP-OCR, through `rapidocr`, whose package includes the models.

Runs in a worker process (`tools/workers/pool.py`), which loads the models for one image and then ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.vision.images import Facts, upright

if TYPE_CHECKING:
    from PIL.Image import Image

PRELOAD = ("rapidocr.main", "rapidocr.inference_engine.onnxruntime", "onnxruntime", "cv2")
"""Modules that a worker should preload; the service itself never needs them."""
MAX_SIDE = 2000
"""Larger images are first scaled down to this size."""
FIND_SIDE = 1280
"""Text is detected in a copy of at most this size and recognized in the original. (By default small images are enlarged
for detection, which takes three times as long.)
"""
SAME_LINE = 0.5
"""Share of its height by which a piece may be above or below its line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text with its position in the upright image (pixels from the upper left corner) and its confidence."""

    text: str
    confidence: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The results for an image without a vision model. The lines are in reading order."""

    facts: Facts
    lines: tuple[tuple[Piece, ...], ...]

    @property
    def text(self) -> str:
        return text_of(self.lines)


def look(data: bytes) -> Looked:
    """Raises `ImageRefusedError`."""
    image, facts = upright(data)
    return Looked(facts, recognized(image))


def recognized(image: "Image") -> tuple[tuple[Piece, ...], ...]:
    """The text in an RGB image, in lines. The image is scaled down if it is large."""
    import numpy  # noqa: PLC0415 (see PRELOAD)
    from rapidocr import RapidOCR  # noqa: PLC0415

    width = image.width
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    scale = width / image.width
    reader = RapidOCR(
        params={
            "Global.log_level": "error",
            "Det.limit_type": "max",
            "Det.limit_side_len": FIND_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    found: Any = reader(numpy.asarray(image)[:, :, ::-1])  # its type depends on the options
    read = zip(found.boxes, found.txts, found.scores, strict=True) if found.txts is not None else ()
    pieces = [
        _piece(text, float(score), [(float(x) * scale, float(y) * scale) for x, y in box])
        for box, text, score in read
        if text.strip()
    ]
    return in_reading_order(pieces)


def text_of(lines: Sequence[Sequence[Piece]]) -> str:
    return "\n".join("  ".join(piece.text for piece in line) for line in lines)


def _piece(text: str, confidence: float, corners: list[tuple[float, float]]) -> Piece:
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    right, bottom = max(x for x, _ in corners), max(y for _, y in corners)
    size = (round(left), round(top), round(right - left), round(bottom - top))
    return Piece(text.strip(), round(confidence, 3), *size)


def in_reading_order(pieces: list[Piece]) -> tuple[tuple[Piece, ...], ...]:
    """Lines from top to bottom, each from left to right."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=_middle):
        if lines and abs(_middle(piece) - _mean(lines[-1])) <= SAME_LINE * min(piece.height, lines[-1][0].height):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return tuple(tuple(sorted(line, key=lambda piece: piece.left)) for line in lines)


def _middle(piece: Piece) -> float:
    return piece.top + piece.height / 2


def _mean(line: list[Piece]) -> float:
    return sum(map(_middle, line)) / len(line)

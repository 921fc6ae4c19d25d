"""Text in images, by PP-OCR through `rapidocr`, whose models are in its package.

Runs in a worker process (`tools/workers/pool.py`), which loads the models for one image and ends.
"""

from dataclasses import dataclass
from typing import Any

from tools.vision.images import Facts, upright

PRELOAD = ("rapidocr.main", "rapidocr.inference_engine.onnxruntime", "onnxruntime", "cv2")
"""What a worker should have loaded; the service itself never needs it."""
MAX_SIDE = 2000
"""Larger images are scaled down to this before they are looked at."""
FIND_SIDE = 1280
"""Text is found in a copy no larger than this, and read in the original. (By default small images are enlarged for
it, which takes three times as long.)"""
SAME_LINE = 0.5
"""Share of its height by which a piece may lie above or below its line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, where it stands in the upright image (pixels from its upper left corner), how sure it is."""

    text: str
    confidence: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What there is to say of an image without a model that sees. The lines are in reading order."""

    facts: Facts
    lines: tuple[tuple[Piece, ...], ...]

    @property
    def text(self) -> str:
        return "\n".join("  ".join(piece.text for piece in line) for line in self.lines)


def look(data: bytes) -> Looked:
    """Raises `ImageRefusedError`."""
    import numpy  # noqa: PLC0415 (see PRELOAD)
    from rapidocr import RapidOCR  # noqa: PLC0415

    image, facts = upright(data)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    scale = facts.width / image.width
    reader = RapidOCR(
        params={
            "Global.log_level": "error",
            "Det.limit_type": "max",
            "Det.limit_side_len": FIND_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    found: Any = reader(numpy.asarray(image)[:, :, ::-1])  # of a type that depends on the options
    read = zip(found.boxes, found.txts, found.scores, strict=True) if found.txts is not None else ()
    pieces = [
        _piece(text, float(score), [(float(x) * scale, float(y) * scale) for x, y in box])
        for box, text, score in read
        if text.strip()
    ]
    return Looked(facts, in_reading_order(pieces))


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

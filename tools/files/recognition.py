"""Text recognition of one page of a document. Runs in a worker."""

from pathlib import Path

from tools.files.registry import picture
from tools.vision.ocr import MAX_SIDE, recognized, text_of


def page_text(path: Path, number: int) -> str:
    """The text in the picture of a page, counted from 1. Raises `FileUnreadable` or `ImageRefusedError`."""
    return text_of(recognized(picture(path, number, MAX_SIDE)))

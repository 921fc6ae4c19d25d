"""Notes, highlights and other marks that readers have put on PDF pages."""

import re
from typing import Any

from tools.files.pdf.objects import entries, is_hidden, resolved, words
from tools.files.pdf.text import PdfPage

MAX_QUOTED = 500
_KINDS = {
    "/Text": "Note", "/FreeText": "Text on the page", "/Highlight": "Highlighted", "/Underline": "Underlined",
    "/Squiggly": "Underlined", "/StrikeOut": "Struck out", "/Stamp": "Stamp", "/Caret": "Insertion", "/Ink": "Drawing",
    "/Square": "Note", "/Circle": "Note", "/Line": "Note", "/Polygon": "Note", "/PolyLine": "Note",
    "/FileAttachment": "Attached file", "/Redact": "Marked for redaction",
}  # fmt: skip
_MARKUP = ("/Highlight", "/Underline", "/Squiggly", "/StrikeOut")
_TAG = re.compile(r"<[^>]*>")


def page_notes(annotations: list[Any], page: PdfPage) -> list[str]:
    """Each annotation with a text, in brackets."""
    return list(filter(None, (_note(each, page) for each in annotations)))


def _note(annotation: Any, page: PdfPage) -> str:
    kind = str(annotation.get("/Subtype"))
    if kind not in _KINDS or is_hidden(annotation):
        return ""
    text = words(annotation.get("/Contents")) or " ".join(_TAG.sub(" ", words(annotation.get("/RC"))).split())
    if kind == "/FileAttachment":
        file = resolved(annotation.get("/FS"))
        text = f"{words(file.get('/UF') or file.get('/F'))} {text}".strip() if isinstance(file, dict) else text
    quoted = f"“{found}”" if kind in _MARKUP and (found := _marked(annotation, page)) else ""
    shown = ": ".join(filter(None, (quoted, text)))
    author = words(annotation.get("/T"))
    return f"[{_KINDS[kind]}{f' by {author}' if author else ''}: {shown}]" if shown else ""


def _marked(annotation: Any, page: PdfPage) -> str:
    """The text under a mark: four corners for each line."""
    corners = [float(each) for each in entries(annotation.get("/QuadPoints")) if isinstance(each, int | float)]
    texts = []
    for at in range(0, min(len(corners), 800) - 7, 8):
        xs, ys = corners[at : at + 8 : 2], corners[at + 1 : at + 8 : 2]
        texts.append(page.text_in(min(xs), min(ys), max(xs), max(ys)))
    return " ".join(" ".join(texts).replace("\x02", "-").split())[:MAX_QUOTED]

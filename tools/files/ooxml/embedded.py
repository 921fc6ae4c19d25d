"""Documents of other formats that are embedded in a Word document."""

from tools.files.formats.html import passages_of
from tools.files.rtf import is_rtf, rtf_text


def embedded_texts(data: bytes) -> list[str]:
    """The text of an HTML page, an RTF or a plain text. Raises `FileUnreadable`."""
    if is_rtf(data):
        return [rtf_text(data)]
    text = data.decode("utf-8-sig", errors="replace")
    return [part for _, part in passages_of(text)] if "<" in text[:1000] else [text]

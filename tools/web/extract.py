"""Extracts the main text of a page. Runs in a worker process (`tools/workers/pool.py`)."""

from dataclasses import dataclass

PRELOAD = ("trafilatura",)
"""Modules that a worker should preload; the service itself never needs them."""
MAX_TITLE = 200
HTML = ("text/html", "application/xhtml+xml", "")


@dataclass(frozen=True, slots=True)
class Readable:
    """A page's title and main text, without menus, ads and comments."""

    title: str
    text: str


def readable(body: bytes, mime: str, charset: str | None, url: str) -> Readable:
    """Empty text if there is none. Tables become Markdown; text that is not HTML is returned unchanged."""
    from trafilatura import bare_extraction, html2txt  # noqa: PLC0415 (see PRELOAD)

    text = _decoded(body, charset)
    if mime not in HTML:
        return Readable("", text.strip())
    if "<html" not in text[:4096].lower():
        text = f"<html>{text}</html>"  # which is optional, but trafilatura expects it
    found = bare_extraction(
        text, url=url, include_comments=False, include_tables=True, include_formatting=True, with_metadata=True
    )
    main = str(getattr(found, "text", None) or "")
    title = str(getattr(found, "title", None) or "")
    # A page without a main part is a list or a front page: return all of its text.
    return Readable(" ".join(title.split())[:MAX_TITLE], (main or html2txt(text)).strip())


def _decoded(body: bytes, charset: str | None) -> str:
    from trafilatura.utils import decode_file  # noqa: PLC0415 (see PRELOAD)

    if charset is not None:
        try:
            return body.decode(charset, "replace")
        except (LookupError, ValueError):
            pass  # unknown, or a codec that is not for text
    return str(decode_file(body))

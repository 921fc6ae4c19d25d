"""From a page to its main text. Runs in a worker process (`tools/workers/pool.py`)."""

from dataclasses import dataclass

PRELOAD = ("trafilatura",)
"""What a worker should have loaded; the service itself never needs it."""
MAX_TITLE = 200
HTML = ("text/html", "application/xhtml+xml", "")


@dataclass(frozen=True, slots=True)
class Readable:
    """A page's title and the text that it is about, without menus, adverts and comments."""

    title: str
    text: str


def readable(body: bytes, mime: str, charset: str | None, url: str) -> Readable:
    """Empty text when there is none. Tables become Markdown; text that is no HTML is taken as it is."""
    from trafilatura import bare_extraction, html2txt  # noqa: PLC0415 (see PRELOAD)

    text = _decoded(body, charset)
    if mime not in HTML:
        return Readable("", text.strip())
    if "<html" not in text[:4096].lower():
        text = f"<html>{text}</html>"  # which may be left out, but trafilatura looks for it
    found = bare_extraction(
        text, url=url, include_comments=False, include_tables=True, include_formatting=True, with_metadata=True
    )
    main = str(getattr(found, "text", None) or "")
    title = str(getattr(found, "title", None) or "")
    # What has no main part is a list or a front page: all of its words then.
    return Readable(" ".join(title.split())[:MAX_TITLE], (main or html2txt(text)).strip())


def _decoded(body: bytes, charset: str | None) -> str:
    from trafilatura.utils import decode_file  # noqa: PLC0415 (see PRELOAD)

    if charset is not None:
        try:
            return body.decode(charset, "replace")
        except LookupError:
            pass  # a charset that does not exist
    return str(decode_file(body))

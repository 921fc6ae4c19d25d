"""HTML: title, headings, tables, and the text without markup."""

from bs4 import BeautifulSoup, Tag
from bs4.element import PageElement

from tools.files.deadline import OutOfTime, at_most
from tools.files.profile import Fact, FileUnreadable, Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, encoding_of, read_text

PARSE_SECONDS = 3.0
MAX_SOURCE = 8_000_000
"""Maximum characters of markup that are parsed."""
MAX_TEXT = 5_000_000
MAX_OUTLINE = 40
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SILENT = ("script", "style", "noscript", "template", "svg", "head")
_SHOWN = ("img", "input")
_UNSEEN = ("hidden", "password", "submit", "button", "image", "reset", "file")
"""Types of form fields without a value that is displayed."""
_BLOCKS = frozenset(
    ("p", "div", "li", "tr", "table", "section", "article", "br", "pre", "blockquote", "dt", "dd", *_HEADINGS)
)


def profile(source: Source) -> Profile:
    soup, encoding, cut = _parsed(source)
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    headings = [f"{'  ' * (int(tag.name[1]) - 1)}{plain(tag.get_text(' '), 100)}" for tag in soup.find_all(_HEADINGS)]
    tables = soup.find_all("table")
    facts: dict[str, Fact] = {
        "title": plain(title, 200),
        "encoding": encoding,
        "tables": len(tables),
        "links": len(soup.find_all("a", href=True)),
        "images": len(soup.find_all("img")),
    }
    outline = headings[:MAX_OUTLINE]
    outline += [f"table {at + 1}: {plain(_columns(table), 150)}" for at, table in enumerate(tables[:10])]
    load = (
        "df = pd.read_html({name})[0]"
        if tables
        else "import bs4, pathlib; soup = bs4.BeautifulSoup(pathlib.Path({name}).read_bytes(), 'lxml')"
    )
    return Profile(
        kind="html",
        title="HTML page",
        bytes=source.size,
        load=load,
        facts={key: value for key, value in facts.items() if value not in ("", 0)},
        structure=outline,
        preview=passage("\n".join(text for _, text in _passages(soup))),
        notes=[f"Only the first {MAX_SOURCE:,} characters were looked at."] if cut else [],
    )


def sections(source: Source) -> list[Section]:
    """One per heading."""
    soup, _, _ = _parsed(source)
    writer = SectionWriter(MAX_TEXT)
    for heading, text in _passages(soup):
        writer.add(text, heading=heading)
    return writer.sections


def passages_of(markup: str) -> list[tuple[str | None, str]]:
    """`(heading, text under it, including the heading)` of a page. Raises `FileUnreadable`."""
    return _passages(_soup(markup[:MAX_SOURCE]))


def _parsed(source: Source) -> tuple[BeautifulSoup, str, bool]:
    encoding = encoding_of(source) or "utf-8"
    markup = read_text(source, encoding, MAX_SOURCE + 1)
    return _soup(markup[:MAX_SOURCE]), encoding, len(markup) > MAX_SOURCE


def _soup(markup: str) -> BeautifulSoup:
    try:
        with at_most(PARSE_SECONDS):
            return BeautifulSoup(markup, "lxml")
    except OutOfTime:
        raise FileUnreadable("Its markup is too large or too deeply nested.") from None


def _columns(table: Tag) -> str:
    first = table.find("tr")
    cells = first.find_all(["th", "td"])[:20] if isinstance(first, Tag) else []
    return ", ".join(cell.get_text(" ", strip=True) for cell in cells)


def _passages(soup: BeautifulSoup) -> list[tuple[str | None, str]]:
    """`(heading, text under it, including the heading)`, in one pass over the leaves."""
    found: list[tuple[str | None, list[str]]] = [(None, [])]
    for tag in soup.find_all(_SILENT):
        tag.decompose()
    for node in soup.descendants:
        if isinstance(node, Tag):
            if node.name in _SHOWN:
                found[-1][1].append(_shown(node))
            if node.name in _HEADINGS:
                found.append((plain(node.get_text(" "), 200) or None, []))
            if node.name in _BLOCKS:
                found[-1][1].append("\n")
            elif node.name in ("td", "th"):
                found[-1][1].append(" | ")
        elif type(node).__name__ == "NavigableString" and not _is_left_out(node):
            found[-1][1].append(str(node))
    texts = [(heading, _tidy("".join(parts))) for heading, parts in found]
    return [(heading, text) for heading, text in texts if text]


def _shown(tag: Tag) -> str:
    """What a picture or a form field shows."""
    if tag.name == "img":
        described = str(tag.get("alt") or "").strip()
        return f" [Picture: {described}] " if described else ""
    kind = str(tag.get("type") or "text").lower()
    if kind in ("checkbox", "radio"):
        return " ☒ " if tag.has_attr("checked") else " ☐ "
    return "" if kind in _UNSEEN else f" {tag.get('value') or ''} "


def _is_left_out(text: PageElement) -> bool:
    """An option of a list that is not the selected one."""
    option = text.parent
    if option is None or option.name != "option" or option.has_attr("selected"):
        return False
    choices = option.find_parent("select")
    return choices is not None and choices.find("option", selected=True) is not None


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()).removeprefix("| ") for line in text.split("\n"))
    return "\n".join(line for line in lines if line)

"""The text that a front end adds to a person's message: retrieved passages, lists of files, instructions about them.

Front ends add it in their own ways, often only to the newest message, and omit it when the message becomes history:

- as elements before or after the message: Open WebUI's `<attached_files>`, LobeChat's `<files_info>`
- as a template around it: the message follows `</context>`, or stands in `<user_query>` or behind `Query:`
- as labelled sections: `## My question is:` between `## Citation Rules:` and `## Reference Materials:`
- between markers: `<!-- SYSTEM CONTEXT … -->`, `[CONTEXT]`, dashed lines, or a fence labelled `Attached document(s):`

They are recognized by their form, not by their wording.
"""

import re
from collections.abc import Iterator

_WORDS = (
    "attached attachment attachments chunk chunks citation citations context contexts doc docs document documents"
    " environment excerpt excerpts file files knowledge memories memory passage passages reference references reminder"
    " retrieved search snippet snippets source sources"
)
_CONTEXT = frozenset(_WORDS.split())
"""An element whose name contains one of these words has context."""
_ASKED = r"(?:query|question|prompt|request|message|input)"
_OPENING = re.compile(r"^[ \t]*<(?P<name>[A-Za-z][\w.:-]{0,60})(?:\s[^<>]{0,2000})?(?<!/)>", re.MULTILINE)
_CLOSING = re.compile(r"</(?P<name>[A-Za-z][\w.:-]{0,60})>(?=[ \t]*$)", re.MULTILINE)
_QUERY = re.compile(rf"^[ \t]*<(?P<name>(?:(?:raw|user|original)_?)?{_ASKED}|task)>", re.IGNORECASE | re.MULTILINE)
_MARKERS = (
    (
        re.compile(r"<!--(?![^<>]{0,40}\bEND\b)[^<>]{0,80}\bCONTEXT\b[^<>]{0,80}-->"),
        re.compile(r"<!--[^<>]{0,40}\bEND\b[^<>]{0,80}-->"),
    ),
    (re.compile(r"\[CONTEXT(?: \d{1,4})?\]"), re.compile(r"\[END CONTEXT(?: \d{1,4})?\]")),
    (
        re.compile(r"^[^\n]{0,80}\bcontext\b[^\n]{0,80}\n-{5,80}$", re.IGNORECASE | re.MULTILINE),
        re.compile(r"^-{5,80}$", re.MULTILINE),
    ),
)
"""Pairs around context: it begins with the first opening one and ends with the last closing one."""
_FENCED = re.compile(
    r"\A\s*(?:attached|attachments?|uploaded|files?|documents?)[^\n]{0,60}:\s*\n(?P<fence>`{3,20})[^\n]*\n",
    re.IGNORECASE,
)
_LABEL = re.compile(
    rf"^[ \t]*(?P<heading>#{{1,6}} *)?\**(?P<label>(?:(?:my|the|user'?s?|human|original|current) )?{_ASKED}(?: is)?"
    r"|(?:(?:the|retrieved|reference|relevant|provided|additional) ){0,3}"
    r"(?:contexts?|materials|references|sources|documents|passages|excerpts|search results|citation rules)"
    r"(?: information)?(?: is below)?"
    r"|(?:(?:your|the|helpful) )?(?:answer|response|output)) ?: ?\** *(?P<rest>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_IS_ASKED = re.compile(rf"\b{_ASKED}(?: is)?\Z", re.IGNORECASE)
_IS_ANSWER = re.compile(r"\b(?:answer|response|output)\Z", re.IGNORECASE)

_URL_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"'<>)]*")


def steady(text: str) -> str:
    """Without whitespace and the queries of URLs: a signed URL has another one each time."""
    return " ".join(_URL_QUERY.sub("", text).split())


def own_words(text: str) -> str:
    """What the person wrote: `text` without the context that a front end added; all of it if there is none, or nothing
    else. In time linear in the length of `text`.
    """
    plain = _without_marked(text)
    parts = _around_elements(plain)
    if parts is not None:
        before, after = parts
        return _asked(after, found=True) or _query(after) or after.strip() or _query(before) or before.strip() or text
    return _asked(plain, found=plain != text) or plain.strip() or text if plain != text else _asked(text) or text


def _without_marked(text: str) -> str:
    """Without the context between markers, and in a fence at the beginning."""
    for opening, closing in _MARKERS:
        if (begin := opening.search(text)) is None:
            continue
        *_, end = (None, *closing.finditer(text, begin.end()))
        if end is not None:
            text = f"{text[: begin.start()]}\n{text[end.end() :]}"
    if (label := _FENCED.match(text)) is not None:
        _, closes, behind = text[label.end() :].partition(f"\n{label['fence']}\n")
        text = behind if closes and behind.strip() else text
    return text


def _around_elements(text: str) -> tuple[str, str] | None:
    """What precedes the elements with context and what follows them; None if there are none."""
    spans = list(_elements(text))
    return (text[: spans[0][0]], text[spans[-1][1] :]) if spans else None


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Where elements with context begin and end. Each fills lines of its own, and ends with the last tag of its name,
    because the passages in it may have tags of their own.
    """
    closing = {tag["name"]: tag for tag in _CLOSING.finditer(text)}
    end = 0
    for tag in _OPENING.finditer(text):
        last = closing.get(tag["name"])
        if tag.start() < end or last is None or last.start() < tag.end() or not _names_context(tag["name"]):
            continue
        end = last.end()
        yield tag.start(), end


def _names_context(tag: str) -> bool:
    return not _CONTEXT.isdisjoint(re.split(r"[_.:-]", tag.lower()))


def _query(text: str) -> str:
    """What follows an element with the question or, if nothing does, the question in it; empty without one."""
    if (begin := _QUERY.search(text)) is None:
        return ""
    inside, closes, behind = text[begin.end() :].rpartition(f"</{begin['name']}>")
    return (behind.strip() or inside.strip()) if closes else ""


def _asked(text: str, *, found: bool = False) -> str:
    """The section labelled as the question, if another label announces context or some was `found`; empty without."""
    labels = list(_LABEL.finditer(text))
    asked = [label for label in labels if _IS_ASKED.search(label["label"])]
    announced = any(not _IS_ASKED.search(one["label"]) and not _IS_ANSWER.search(one["label"]) for one in labels)
    if not asked or not (found or announced):
        return ""
    # Passages have labels, too: among headings the first one is the template's, among others the last.
    chosen = next((label for label in asked if label["heading"]), asked[-1])
    following = [label.start() for label in labels if label.start() > chosen.start()]
    if chosen["heading"] and (heading := _HEADING.search(text, chosen.end())) is not None:
        following.append(heading.start())
    return text[chosen.start("rest") : min(following, default=len(text))].strip()

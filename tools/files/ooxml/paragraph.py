"""The text of one paragraph in Word, and what is anchored in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tools.files.ooxml.equations import equation
from tools.files.ooxml.package import Element, alternative, attribute, child, elements, is_on, local, value_of
from tools.files.ooxml.revisions import REMOVED, Revisions
from tools.files.ooxml.styles import Styles
from tools.files.ooxml.symbols import replaced, symbol

MAX_LABELLED = 200
"""Maximum length of a content control's value that is repeated with the control's title."""
SILENT = frozenset(
    (
        "instrText",
        "delText",
        "delInstrText",
        "fldData",
        "pPr",
        "rPr",
        "sdtPr",
        "sdtEndPr",
        "tblPr",
        "trPr",
        "tcPr",
        "rt",
    )
)
"""Elements without text that is displayed."""
_ANCHORED = frozenset(
    ("drawing", "pict", "object", "footnoteReference", "endnoteReference", "commentReference", "txbxContent")
)
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_CHECKED, _UNCHECKED = "☒", "☐"

Anchored: TypeAlias = Element | str
"""A drawing or a reference to a note, or a line of text."""


@dataclass(slots=True)
class Content:
    """The text of a paragraph in pieces, and what comes after it."""

    pieces: list[str] = field(default_factory=list)
    anchored: list[Anchored] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class ParagraphReader:
    """Reads the paragraphs of one part in order. A field may begin in one and end in another."""

    def __init__(self, styles: Styles, revisions: Revisions, address: Callable[[str], str | None]) -> None:
        """`address` is where a relationship of the part leads outside the file."""
        self._styles = styles
        self._revisions = revisions
        self._address = address
        self._fields: list[bool] = []
        """For each open field, whether its instruction, which is not text, has not ended yet."""
        self._special: dict[str, Callable[[Element, Content, str | None], None]] = {
            "r": self._run, "t": self._text, "sym": self._symbol, "fldChar": self._field, "hyperlink": self._link,
            "sdt": self._control, "oMath": self._equation,
        }  # fmt: skip

    def read(self, paragraph: Element) -> Content:
        content = Content()
        self._walk(paragraph, content, None)
        return content

    def _walk(self, parent: Element, content: Content, font: str | None) -> None:
        """Unknown elements may contain text, so they are walked through."""
        for each in elements(parent):
            name = local(each)
            if name in REMOVED or name == "ins":
                self._revisions.add(each)
            special = self._special.get(name)
            if name in SILENT or name in REMOVED:
                continue
            if special is not None:
                special(each, content, font)
            elif name in _CHARACTERS:
                self._write(_CHARACTERS[name], content)
            elif name in _ANCHORED:
                content.anchored.append(each)
            elif name == "AlternateContent":
                branch = alternative(each)
                self._walk(branch if branch is not None else (), content, font)
            else:
                self._walk(each, content, font)

    def _write(self, text: str, content: Content) -> None:
        if not any(self._fields):
            content.pieces.append(text)

    def _text(self, element: Element, content: Content, font: str | None) -> None:
        self._write(replaced(element.text or "", font), content)

    def _run(self, run: Element, content: Content, _font: str | None) -> None:
        properties = child(run, "rPr")
        before = len(content.pieces)
        self._walk(run, content, attribute(child(properties, "rFonts"), "ascii"))
        text = "".join(content.pieces[before:]).strip()
        if text and self._is_hidden(properties):
            content.pieces[before:] = [f"[Hidden text: {text}]"]

    def _is_hidden(self, properties: Element | None) -> bool:
        if child(properties, "vanish") is not None:
            return is_on(properties, "vanish")
        return properties is not None and self._styles.style(value_of(properties, "rStyle")).hidden

    def _symbol(self, element: Element, content: Content, _font: str | None) -> None:
        try:
            code = int(attribute(element, "char") or "", 16)
        except ValueError:
            return
        self._write(symbol(code, attribute(element, "font") or ""), content)

    def _equation(self, element: Element, content: Content, _font: str | None) -> None:
        self._write(equation(element), content)

    def _field(self, element: Element, content: Content, _font: str | None) -> None:
        kind = attribute(element, "fldCharType")
        if kind == "begin":
            self._write(_form_value(child(element, "ffData")), content)
            self._fields.append(True)
        elif self._fields and kind == "separate":
            self._fields[-1] = False
        elif self._fields and kind == "end":
            self._fields.pop()

    def _link(self, link: Element, content: Content, font: str | None) -> None:
        before = len(content.pieces)
        self._walk(link, content, font)
        shown = "".join(content.pieces[before:]).strip()
        address = (self._address(attribute(link, "id") or "") or "").removeprefix("mailto:")
        if shown and address and address not in shown and shown not in address:
            content.anchored.append(f"[Link: {shown}: {address}]")

    def _control(self, control: Element, content: Content, font: str | None) -> None:
        """A content control. Its title is repeated with its value, unless the paragraph says what it is."""
        title, inside = filled_control(control)
        if inside is None:
            return
        before = len(content.pieces)
        self._walk(inside, content, font)
        value = "".join(content.pieces[before:]).strip()
        if value and title and title.casefold() not in content.text.casefold() and len(value) <= MAX_LABELLED:
            content.anchored.append(f"{title}: {value}")


def filled_control(control: Element) -> tuple[str, Element | None]:
    """The title and the content of a content control; no content if it only shows its placeholder."""
    properties = child(control, "sdtPr")
    content = None if is_on(properties, "showingPlcHdr") else child(control, "sdtContent")
    return (value_of(properties, "alias") or "").strip(), content


def _form_value(data: Element | None) -> str:
    """The value of a form field from before Word 2007, if it is not text: those have theirs as their result."""
    box = child(data, "checkBox")
    if box is not None:
        name = "checked" if child(box, "checked") is not None else "default"
        return f"{_CHECKED if is_on(box, name) else _UNCHECKED} "
    choices = child(data, "ddList")
    if choices is None:
        return ""
    chosen = value_of(choices, "result") or value_of(choices, "default") or "0"
    entries = [attribute(each, "val") or "" for each in elements(choices) if local(each) == "listEntry"]
    return entries[int(chosen)] if chosen.isdecimal() and int(chosen) < len(entries) else ""

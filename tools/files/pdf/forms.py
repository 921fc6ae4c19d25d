"""The values of PDF forms, each with the label that a person sees beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pypdf import PdfReader

from tools.files.ooxml.package import Element, elements, local, parse
from tools.files.pdf.objects import entries, is_hidden, rectangle, resolved, words
from tools.files.pdf.text import PdfPage

MAX_WIDGETS = 2000
"""Maximum number of fields on a page."""
MAX_FIELDS = 20_000
MAX_DEPTH = 30
MAX_LABEL = 120
LABEL_REACH = 260.0
"""How far from a field its label may begin, in points."""
LABEL_ABOVE = 20.0
_INHERITED = ("/FT", "/V", "/Ff", "/TU", "/Opt")
_PASSWORD, _RADIO, _BUTTON = 1 << 13, 1 << 15, 1 << 16
_MAX_XFA = 16 << 20


@dataclass(slots=True)
class Field:
    """A field with its properties, inherited ones included."""

    properties: dict[str, Any]
    name: str
    widgets: list[Any] = field(default_factory=list)
    """Its places on the page."""

    @property
    def flags(self) -> int:
        found = self.properties.get("/Ff", 0)
        return int(found) if isinstance(found, int | float) else 0


def page_fields(annotations: list[Any], page: PdfPage, seen: set[int]) -> list[str]:
    """`label: value` for each filled field on a page. `seen` are the fields of earlier pages."""
    widgets = [each for each in annotations if each.get("/Subtype") == "/Widget"][:MAX_WIDGETS]
    boxes = [rectangle(each) for each in widgets]
    found: dict[int, Field] = {}
    for widget in widgets:
        if not is_hidden(widget):
            owner = _owner(widget)
            if id(owner) not in found:
                found[id(owner)] = _field(owner)
            found[id(owner)].widgets.append(widget)
    lines = []
    for key, each in found.items():
        value = _value(each, page, boxes)
        if value and key not in seen:
            lines.append(f"{_label(each, page, boxes)}: {value}")
        seen.add(key)
    return lines


def other_fields(reader: PdfReader, seen: set[int]) -> list[str]:
    """The filled fields that are on no page."""
    lines = []
    for owner in _terminal(entries(_form(reader).get("/Fields")), 0):
        if id(owner) not in seen:
            seen.add(id(owner))
            each = _field(owner)
            if value := _value(each, None, []):
                lines.append(f"{each.name or 'Field'}: {value}")
    return lines


def xfa_values(reader: PdfReader) -> list[str]:
    """`name: value` for each value in the data of an XFA form."""
    packets = entries(_form(reader).get("/XFA"))
    for name, stream in zip(packets[::2], packets[1::2], strict=False):
        if str(name) == "datasets" and hasattr(stream, "get_data"):
            root = parse(stream.get_data()[:_MAX_XFA])
            return list(_leaves(root)) if root is not None else []
    return []


def _form(reader: PdfReader) -> dict[str, Any]:
    form = resolved(reader.root_object.get("/AcroForm"))
    return form if isinstance(form, dict) else {}


def _leaves(element: Element) -> Iterator[str]:
    children = list(elements(element))
    if not children and (element.text or "").strip():
        yield f"{_spaced(local(element))}: {' '.join(element.text.split())}"
    for each in children:
        if local(each) != "dataDescription":
            yield from _leaves(each)


def _terminal(fields: list[Any], depth: int) -> Iterator[Any]:
    for each in fields[:MAX_FIELDS]:
        if isinstance(each, dict):
            named = [kid for kid in entries(each.get("/Kids")) if isinstance(kid, dict) and "/T" in kid]
            if named and depth < MAX_DEPTH:
                yield from _terminal(named, depth + 1)
            else:
                yield each


def _owner(widget: Any) -> Any:
    """The field of a widget: itself, or the nearest parent with a name."""
    at = widget
    for _ in range(MAX_DEPTH):
        parent = resolved(at.get("/Parent"))
        if "/T" in at or not isinstance(parent, dict):
            return at
        at = parent
    return at


def _field(owner: Any) -> Field:
    properties: dict[str, Any] = {}
    name, at = "", owner
    for _ in range(MAX_DEPTH):
        for key in _INHERITED:
            if key in at and key not in properties:
                properties[key] = resolved(at[key])
        name = name or words(at.get("/T"))
        parent = resolved(at.get("/Parent"))
        if not isinstance(parent, dict):
            break
        at = parent
    return Field(properties, _spaced(name))


def _value(each: Field, page: PdfPage | None, boxes: list[tuple[float, ...]]) -> str:
    kind, value = each.properties.get("/FT"), each.properties.get("/V")
    if kind == "/Btn":
        return "" if each.flags & _BUTTON else _choice_of_buttons(each, page, boxes)
    if kind == "/Sig":
        return _signature(value)
    if kind == "/Tx" and each.flags & _PASSWORD:
        return ""
    values = entries(value) if isinstance(value, list) else [value]
    shown = _options(each.properties.get("/Opt")) if kind == "/Ch" else {}
    texts = [words(one) for one in values]
    return ", ".join(shown.get(text, text) for text in texts if text)


def _options(options: Any) -> dict[str, str]:
    """The text that is displayed for each value."""
    pairs = (entries(each) for each in entries(options) if isinstance(each, list))
    return {words(pair[0]): words(pair[1]) for pair in pairs if len(pair) == 2}


def _choice_of_buttons(each: Field, page: PdfPage | None, boxes: list[tuple[float, ...]]) -> str:
    """`yes` or `no` for a check box; the chosen one's label for a group."""
    states = [_states(widget) for widget in each.widgets]
    several = each.flags & _RADIO or len({state for found in states for state in found}) > 1
    value = str(each.properties.get("/V", ""))
    chosen = [widget for widget in each.widgets if str(resolved(widget.get("/AS")) or "/Off") != "/Off"]
    if not chosen and value not in ("", "/Off"):
        chosen = [widget for widget, found in zip(each.widgets, states, strict=True) if value in found or not several]
    if not several:
        on = chosen or (not each.widgets and value not in ("", "/Off"))
        return "yes" if on else "no"
    return ", ".join(_button_name(each, widget, page, boxes) for widget in chosen)


def _button_name(each: Field, widget: Any, page: PdfPage | None, boxes: list[tuple[float, ...]]) -> str:
    beside = _text_right(rectangle(widget), page, boxes) if page is not None else ""
    return beside or ", ".join(state.removeprefix("/") for state in _states(widget)) or words(each.properties.get("/V"))


def _states(widget: Any) -> list[str]:
    """The names of the states in which a button is on."""
    drawn = resolved(widget.get("/AP"))
    normal = resolved(drawn.get("/N")) if isinstance(drawn, dict) else None
    return [str(key) for key in normal if key != "/Off"] if isinstance(normal, dict) and "/BBox" not in normal else []


def _signature(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    name, date = words(value.get("/Name")), words(value.get("/M")).removeprefix("D:")[:8]
    return f"signed{f' by {name}' if name else ''}{f' on {date}' if date else ''}"


def _label(each: Field, page: PdfPage, boxes: list[tuple[float, ...]]) -> str:
    """What the field is called: its description, the text beside it, or its name."""
    if described := words(each.properties.get("/TU")):
        return described[:MAX_LABEL].rstrip(": ")
    group = each.properties.get("/FT") == "/Btn" and len(each.widgets) > 1
    box = rectangle(each.widgets[0])
    before = (_text_left, _text_above)
    order = (_text_right, *before) if each.properties.get("/FT") == "/Btn" and not group else before
    beside = next((text for look in order if (text := look(box, page, boxes))), "")
    return (beside or each.name or "Field").rstrip(": ")


def _text_left(box: tuple[float, ...], page: PdfPage, boxes: list[tuple[float, ...]]) -> str:
    left, bottom, _, top = box
    edge = max((other[2] for other in boxes if other[2] <= left and _same_line(box, other)), default=left - LABEL_REACH)
    return _one_line(page.text_in(max(edge, left - LABEL_REACH, 0), bottom, left, top), last=True)


def _text_right(box: tuple[float, ...], page: PdfPage, boxes: list[tuple[float, ...]]) -> str:
    _, bottom, right, top = box
    edge = min(
        (other[0] for other in boxes if other[0] >= right and _same_line(box, other)), default=right + LABEL_REACH
    )
    return _one_line(page.text_in(right, bottom, max(right + 1, min(edge, right + LABEL_REACH)), top), last=False)


def _text_above(box: tuple[float, ...], page: PdfPage, _boxes: list[tuple[float, ...]]) -> str:
    left, _, right, top = box
    return _one_line(page.text_in(left - 2, top, max(right, left + 100), top + LABEL_ABOVE), last=True)


def _same_line(box: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return min(box[3], other[3]) - max(box[1], other[1]) > 0


def _one_line(text: str, *, last: bool) -> str:
    lines = [" ".join(line.replace("\x02", "-").split()) for line in text.split("\n")]
    found = [line for line in lines if any(map(str.isalnum, line))]
    return found[-1 if last else 0][:MAX_LABEL] if found else ""


def _spaced(name: str) -> str:
    """A field's name as words: `licence_plate`, `licencePlate[0]`."""
    name = re.sub(r"\[\d+\]", "", name).replace("_", " ")
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).split())[:MAX_LABEL]

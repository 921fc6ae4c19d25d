"""The words and numbers of charts and diagrams, from the copies that Office stores beside the drawing."""

from collections.abc import Iterator
from datetime import date, timedelta

from tools.files.ooxml.package import Element, Package, attribute, child, descendants, elements, local, text_of

MAX_POINTS = 2000
MAX_SERIES = 100
_FIRST_DAY = date(1899, 12, 30)
_LAST_DAY = 2_958_465
_DRAWN = ("chart", "chartEx", "diagramData")


def graphic_text(package: Package, part: str, graphic: Element, seen: set[str]) -> str:
    """The charts and diagrams that a drawing refers to. A part in `seen` is not repeated."""
    found = package.relationships(part)
    texts = []
    for element in descendants(graphic, "chart", "relIds"):
        for key in (attribute(element, "id"), attribute(element, "dm")):
            relationship = found.get(key or "")
            if relationship is None or relationship.kind not in _DRAWN or relationship.target in seen:
                continue
            seen.add(relationship.target)
            texts.append(_text(package.root(relationship.target)))
    return "\n".join(filter(None, texts))


def _text(root: Element | None) -> str:
    if root is None:
        return ""
    if local(root) == "dataModel":
        return _diagram(root)
    extended = "chartex" in root.tag
    return "\n".join(filter(None, _extended_chart(root) if extended else _chart(root)))


def _diagram(root: Element) -> str:
    points = (child(point, "t") for point in elements(child(root, "ptLst")))
    return "\n".join(filter(None, (drawn_text(point).strip() for point in points if point is not None)))


def drawn_text(parent: Element | None) -> str:
    """The text of a shape: its paragraphs, one a line."""
    return "\n".join(_paragraph(each) for each in descendants(parent, "p"))


def _paragraph(paragraph: Element) -> str:
    return "".join("\n" if local(each) == "br" else each.text or "" for each in descendants(paragraph, "t", "br"))


def _chart(root: Element) -> Iterator[str]:
    chart = child(root, "chart")
    yield f"Chart: {_title(chart)}".removesuffix(": ")
    axes = [_title(axis) for axis in descendants(child(chart, "plotArea"), "catAx", "valAx", "dateAx", "serAx")]
    if any(axes):
        yield f"Axes: {', '.join(filter(None, axes))}"
    series = list(descendants(child(chart, "plotArea"), "ser"))[:MAX_SERIES]
    names = [_name(each) or f"series {at}" for at, each in enumerate(series, start=1)]
    columns = [_values(each, "val", "yVal", "bubbleSize") for each in series]
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for at, each in enumerate(series):
        groups.setdefault(tuple(sorted(_values(each, "cat", "xVal").items())), []).append(at)
    for labels, members in groups.items():
        yield from _rows(dict(labels), [names[at] for at in members], [columns[at] for at in members])


def _rows(labels: dict[str, str], names: list[str], columns: list[dict[str, str]]) -> Iterator[str]:
    """A line with the names of the series, and one a category."""
    yield " | ".join(["", *names]).strip()
    yield from _lines([labels, *columns])


def _lines(columns: list[dict[str, str]]) -> Iterator[str]:
    """The points of all columns, by their index."""
    places = dict.fromkeys(place for column in columns for place in column)
    for place in sorted(places, key=_number)[:MAX_POINTS]:
        yield " | ".join(column.get(place, "") for column in columns)


def _number(place: str) -> int:
    return int(place) if place.isdecimal() else 0


def _title(parent: Element | None) -> str:
    title = child(parent, "title")
    if title is None:
        return ""
    cached = [each.text or "" for each in descendants(child(title, "tx", "strRef"), "v")]
    return " ".join((" ".join(cached) or drawn_text(title)).split())


def _name(series: Element) -> str:
    return " ".join(" ".join(each.text or "" for each in descendants(child(series, "tx"), "v")).split())


def _values(series: Element, *names: str) -> dict[str, str]:
    """The stored points of the first of these parts, by their index."""
    data = next((found for name in names if (found := child(series, name)) is not None), None)
    points: dict[str, str] = {}
    for cache in descendants(data, "strCache", "numCache", "strLit", "numLit", "multiLvlStrCache"):
        code = text_of(cache, "formatCode")
        for point in descendants(cache, "pt"):
            place, value = point.get("idx", ""), _formatted(text_of(point, "v"), code)
            # The outer level of two-level categories comes last.
            points[place] = f"{value}, {points[place]}" if place in points else value
            if len(points) >= MAX_POINTS:
                return points
    return points


def _formatted(value: str, code: str) -> str:
    """A number as its format shows it, where the format changes its meaning: dates and percentages."""
    code = code.partition(";")[0].lower()
    try:
        number = float(value)
    except ValueError:
        return value
    if "%" in code:
        return f"{number * 100:.10g}%"
    if "y" in code and ("m" in code or "d" in code) and 0 < number < _LAST_DAY:
        return (_FIRST_DAY + timedelta(days=int(number))).isoformat()
    return f"{number:.12g}" if "." in value or "e" in value.lower() else value


def _extended_chart(root: Element) -> Iterator[str]:
    """Waterfalls, funnels and the like, which have a format of their own."""
    yield f"Chart: {' '.join(drawn_text(child(root, 'chart', 'title')).split())}".removesuffix(": ")
    yield from (_name(series) for series in descendants(child(root, "chart"), "series"))
    for data in descendants(child(root, "chartData"), "data"):
        yield from _lines(
            [
                {point.get("idx", ""): point.text or "" for point in descendants(dimension, "pt")}
                for dimension in elements(data)
            ]
        )

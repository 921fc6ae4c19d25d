"""Equations of Office as one line of text, such as `x=(-b±√(b^2-4ac))/2a`."""

from tools.files.ooxml.package import Element, child, elements, local, value_of

_PROPERTIES = "Pr"


def equation(element: Element) -> str:
    """The text of an element of the equation's markup."""
    name = local(element)
    if name == "t":
        return element.text or ""
    if name.endswith(_PROPERTIES):
        return ""
    shape = _SHAPES.get(name)
    return shape(element) if shape is not None else "".join(map(equation, elements(element)))


def _part(element: Element, name: str) -> str:
    found = child(element, name)
    return equation(found) if found is not None else ""


def _group(text: str) -> str:
    """In parentheses, unless it is one number or word."""
    return text if text.isalnum() or len(text) == 1 else f"({text})"


def _fraction(element: Element) -> str:
    return f"{_group(_part(element, 'num'))}/{_group(_part(element, 'den'))}"


def _scripts(element: Element) -> str:
    return _part(element, "e") + _limits(element)


def _limits(element: Element) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    return (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")


def _radical(element: Element) -> str:
    degree = _part(element, "deg")
    return f"{degree}√{_group(_part(element, 'e'))}"


def _operator(element: Element) -> str:
    sign = value_of(element, "naryPr", "chr") or "∫"
    return f"{sign}{_limits(element)} {_part(element, 'e')}"


def _delimiters(element: Element) -> str:
    begin, end = value_of(element, "dPr", "begChr"), value_of(element, "dPr", "endChr")
    inside = ", ".join(equation(each) for each in elements(element) if local(each) == "e")
    return f"{'(' if begin is None else begin}{inside}{')' if end is None else end}"


def _matrix(element: Element) -> str:
    rows = (row for row in elements(element) if local(row) == "mr")
    return "; ".join(", ".join(map(equation, elements(row))) for row in rows)


_SHAPES = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "rad": _radical,
    "nary": _operator,
    "d": _delimiters,
    "m": _matrix,
}

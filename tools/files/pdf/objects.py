"""Reading of pypdf's objects, which may have any type in a damaged or hostile file."""

from typing import Any

MAX_WORDS = 20_000
"""Maximum length of one text."""
MAX_ENTRIES = 20_000
_HIDDEN = 1 << 1


def resolved(value: Any) -> Any:
    """The object that a reference leads to."""
    return value.get_object() if hasattr(value, "get_object") else value


def entries(value: Any) -> list[Any]:
    """The objects of an array; empty if it is none."""
    found = resolved(value)
    return [resolved(each) for each in found[:MAX_ENTRIES]] if isinstance(found, list) else []


def words(value: Any) -> str:
    """A text, a name without its slash, or the text in a stream."""
    found = resolved(value)
    if found is None or isinstance(found, bool):
        return ""
    if isinstance(found, bytes):
        text = found.decode("latin-1")
    elif hasattr(found, "get_data"):
        data = found.get_data()
        text = data.decode("utf-8", errors="replace") if isinstance(data, bytes) else str(data)
    elif isinstance(found, list | dict):
        return ""
    else:
        text = str(found)
    return "\n".join(" ".join(line.split()) for line in text[:MAX_WORDS].removeprefix("/").splitlines()).strip()


def is_hidden(annotation: Any) -> bool:
    return bool(int(resolved(annotation.get("/F")) or 0) & _HIDDEN)


def rectangle(annotation: Any) -> tuple[float, ...]:
    """Left, bottom, right, top, in points of the page; all 0 if it has none."""
    sides = entries(annotation.get("/Rect"))
    if len(sides) != 4 or not all(isinstance(side, int | float) for side in sides):
        return (0.0, 0.0, 0.0, 0.0)
    x1, y1, x2, y2 = map(float, sides)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

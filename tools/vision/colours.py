"""The main colors of an image, as words."""

import colorsys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 64
MOST = 5
LEAST_SHARE = 0.01
_HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "turquoise"),
    (255, "blue"),
    (290, "purple"),
    (345, "pink"),
    (360, "red"),
)
"""Upper limits of hue, in degrees."""


def colours_of(image: "Image") -> tuple[tuple[str, float], ...]:
    """`(name, share)` of at most `MOST` colors of an RGB image, largest first."""
    # Picked, not averaged: averaging dark letters and white paper gives colors that are not visible.
    small = image.resize((min(SIDE, image.width), min(SIDE, image.height)), resample=0)
    data = small.tobytes()
    names = Counter(colour_name(*data[at : at + 3]) for at in range(0, len(data), 3))
    total = names.total()
    shares = [(name, round(count / total, 3)) for name, count in names.most_common(MOST)]
    return tuple((name, share) for name, share in shares if share >= LEAST_SHARE)


def colour_name(red: int, green: int, blue: int) -> str:
    """A common name for a color; the components are 0 to 255."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.15:
        return "black"
    if saturation < 0.12:
        return _grey(value)
    name = next(name for degrees, name in _HUES if hue * 360 <= degrees)
    if name == "orange" and value < 0.65:
        return "brown"
    if value < 0.55:
        return f"dark {name}"
    return f"light {name}" if saturation < 0.5 and value > 0.75 else name


def _grey(value: float) -> str:
    for least, name in ((0.92, "white"), (0.7, "light grey"), (0.35, "grey")):
        if value >= least:
            return name
    return "dark grey"

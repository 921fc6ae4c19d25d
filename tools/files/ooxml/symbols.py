"""Characters of the fonts Symbol and Wingdings, which have codes of their own."""

import re

_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",  # noqa: RUF001
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑",  # noqa: RUF001
)
"""The characters from code 32 and from code 160."""
_WINGDINGS = {
    0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x6C: "●", 0x6E: "■", 0x6F: "□", 0x71: "❑", 0x75: "◆", 0x76: "❖",
    0x78: "☒", 0x9F: "•", 0xA0: "•", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
    0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐", 0x2A: "☐"}
_PRIVATE = 0xF000
_IN_PRIVATE = re.compile("[\uf000-\uf0ff]")


def symbol(code: int, font: str) -> str:
    """The character with this code in a font; empty if it is not known."""
    if _PRIVATE <= code <= _PRIVATE + 0xFF:
        code -= _PRIVATE
    font = font.strip().casefold()
    if font == "symbol":
        begin = 160 if code >= 160 else 32
        characters = _SYMBOL[code >= 160]
        return characters[code - begin] if 0 <= code - begin < len(characters) else ""
    if font.startswith("wingdings"):
        return (_WINGDINGS_2 if font == "wingdings 2" else _WINGDINGS).get(code, "")
    return chr(code) if code < 0xD800 or _PRIVATE + 0xFF < code < 0x110000 else ""


def replaced(text: str, font: str | None) -> str:
    """The text of a run with characters from the fonts' private range replaced."""
    return _IN_PRIVATE.sub(lambda found: symbol(ord(found[0]), font or ""), text)

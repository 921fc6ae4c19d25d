"""Guesses the encoding of a text that is not UTF-8, and says what else it could be."""

import codecs
import re
import unicodedata
from collections.abc import Iterator

from chardetng_py import EncodingDetector

from tools.files.profile import plain

_NAMES = {"big5": "big5hkscs", "euc-jp": "euc_jp", "euc-kr": "cp949", "gbk": "gb18030", "shift_jis": "cp932"}
"""Python's codecs for what the detector says, where its name stands for another or a smaller one."""
_WIDE = ("cp932", "euc_jp", "cp949", "gb18030", "big5hkscs", "iso2022_jp")
_OLD = ("cp850", "cp437", "cp852", "cp866", "mac_roman", "mac_latin2", "mac_cyrillic")
"""Of DOS and of old Macs, which the detector does not know, because the web does not use them."""
_OTHERS = ("cp1252", "cp1250", "cp1251", "cp1254", "cp1257", "cp932", "gb18030", "cp949", "mac_roman", "cp850")
"""What may be meant instead, the most common first."""
_SYMBOLS = frozenset("\u00a0°µ€£¥§²³¹½¼¾±×÷·‰–—‘’“”„‚…•†™©®ªº«»¿¡")  # noqa: RUF001
"""Those of cp1252 that occur in texts without other letters."""
_INNER = frozenset("'’‘`´-‐·\u00ad\u200d\u200c")  # noqa: RUF001
_OUTER = _SYMBOLS | _INNER
_WORD = re.compile(rb"[^\x00-\x40\x5b-\x60\x7b-\x7f]*[\x80-\xff][^\x00-\x40\x5b-\x60\x7b-\x7f]*")
_ALPHABETS = ("CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI")
MAX_SAMPLE = 64 << 10
FEW_WORDS = 50
"""With fewer words that tell, other encodings are shown as well."""


def guess(data: bytes) -> str:
    """The Python name of the encoding of `data`, which has bytes outside of ASCII."""
    sample = _telling_lines(data)
    if _is_strict(sample, "cp1252") and _foreign(sample.decode("cp1252")) <= _SYMBOLS:
        return "cp1252"
    detector = EncodingDetector()
    detector.feed(sample, last=True)
    said = detector.guess(tld=None, allow_utf8=False).lower()
    name = _known(_NAMES.get(said, said.replace("windows-", "cp"))) or "cp1252"
    if name.startswith("koi8") and len(set(_WORD.findall(sample))) < 3 and _is_strict(sample, "cp1251"):
        return "cp1251"  # by far the more common one
    if name in _WIDE or not (odd := _oddities(sample, name)):
        return name
    best = min(_OLD, key=lambda other: _oddities(sample, other))
    return best if _oddities(sample, best) < odd / 2 else name


def alternatives(data: bytes, encoding: str, limit: int = 2) -> list[tuple[str, str]]:
    """`(encoding, a word as it would read)`: first the guessed one, then others that also make sense; empty if there
    is no doubt.
    """
    words = list(dict.fromkeys(_WORD.findall(data[:MAX_SAMPLE])))
    if not words or len(words) > FEW_WORDS or (encoding in _WIDE and len(words) > limit):
        return []
    sample = b" ".join(words)
    shown = [(encoding, sample.decode(encoding, errors="replace"))]
    if _foreign(shown[0][1]) <= _SYMBOLS:
        return []
    for other in _OTHERS:
        if len(shown) > limit or not _is_strict(sample, other) or _oddities(sample, other):
            continue
        text = sample.decode(other)
        if text not in [known for _, known in shown] and (other in _WIDE) <= (encoding in _WIDE):
            shown.append((other, text))
    if len(shown) < 2:
        return []
    readings = list(zip(*(text.split(" ") for _, text in shown), strict=False))
    telling = max(readings, key=lambda words: (sum(word != words[0] for word in words), len(set(words))))
    return [(name, plain(word, 30)) for (name, _), word in zip(shown, telling, strict=True)]


def _telling_lines(data: bytes) -> bytes:
    """The lines with bytes outside of ASCII."""
    kept, size = [], 0
    for line in data.splitlines(keepends=True):
        if not line.isascii() and size < MAX_SAMPLE:
            kept.append(line[:4096])
            size += len(kept[-1])
    return b"".join(kept) or data[:MAX_SAMPLE]


def _foreign(text: str) -> set[str]:
    return {character for character in text if ord(character) > 127}


def _known(name: str) -> str | None:
    """Python's own name of an encoding."""
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _is_strict(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _oddities(data: bytes, encoding: str) -> int:
    """How often a character makes no sense between its neighbors: a symbol at a letter, a capital after a small one."""
    text = data.decode(encoding, errors="replace")
    return sum(_is_odd(*three) for three in _threes(text))


def _threes(text: str) -> Iterator[tuple[str, str, str]]:
    padded = f" {text} "
    return ((padded[at - 1], padded[at], padded[at + 1]) for at in range(1, len(padded) - 1) if ord(padded[at]) > 127)


def _is_odd(before: str, character: str, after: str) -> bool:
    if not character.isprintable() and character != "\u00a0":
        return True
    if character.isalpha():
        return (character.isupper() and before.islower()) or _mixes_scripts(before, character, after)
    inside = before.isalpha() and after.isalpha()
    return (inside and character not in _INNER) or ((before.isalpha() or after.isalpha()) and character not in _OUTER)


def _mixes_scripts(before: str, character: str, after: str) -> bool:
    """Whether a Latin letter stands beside one of an alphabet that is never mixed with it."""
    latin = any(other.isascii() and other.isalpha() for other in (before, after))
    return latin and unicodedata.name(character, "").startswith(_ALPHABETS)

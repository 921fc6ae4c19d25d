"""Recognizes numbers as people write them, in any locale, from all distinct cells of a column."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tools.files.inference.column_type import BLANKS, DASHES, Decimal, NumberFormat

_CODES = (
    *("AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD", "HUF"),
    *("IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "KWD", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN"),
    *("PHP", "PKR", "PLN", "QAR", "RMB", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD"),
    *("VND", "ZAR", "A$", "C$", "CA$", "HK$", "NT$", "NZ$", "R$", "S$", "US$", "Rs.", "Rs", "RM", "Rp", "Fr.", "Fr"),
    *("SFr.", "kr.", "kr", "zł", "Kč", "Ft", "lei", "лв.", "лв", "\u0440\u0443\u0431.", "\u0440\u0443\u0431"),
    *("грн.", "грн", "円", "元", "원", "TL", "din.", "kn"),
)  # fmt: skip
_SYMBOLS = "[$¢£¤¥֏؋৲৳฿៛₠-₿﷼\uffe5\uffe1\uffe6]"
_CURRENCY = "|".join((*map(re.escape, sorted(_CODES, key=len, reverse=True)), _SYMBOLS))
_SAME = {"€": "EUR", "£": "GBP", "US$": "USD", "₽": "RUB", "₹": "INR", "Rs": "INR", "Rs.": "INR", "R$": "BRL"} | {
    **dict.fromkeys(("Fr", "Fr.", "SFr."), "CHF"),
    **dict.fromkeys(("\u0440\u0443\u0431", "\u0440\u0443\u0431."), "RUB"),
    **{"zł": "PLN", "Kč": "CZK", "Ft": "HUF", "kr.": "kr"},
}
_GAP = f"[{BLANKS}]{{0,2}}"
_NUMBER = re.compile(
    rf"(?P<open>\()?{_GAP}(?P<sign>[-+{DASHES}]?){_GAP}(?P<before>{_CURRENCY})?{_GAP}(?P<inner>[-+{DASHES}]?){_GAP}"
    rf"(?P<core>[.,]?\d(?:[\d.,'’{BLANKS}]*\d)?[.,]?)(?P<exponent>[eE][-+]?\d{{1,3}})?"
    rf"{_GAP}(?P<trailing>[-{DASHES}]?){_GAP}(?P<after>{_CURRENCY}|[%‰])?{_GAP}(?P<last>[-{DASHES}]?)(?P<close>\))?"
)
_MARKS = re.compile(rf"[.,'’{BLANKS}]")
_LIKE = re.compile(r"[-+]?[\d.,'\s]*\d[\d.,'\s]*([eE][-+]?\d+)?|[-+]?inf(inity)?", re.IGNORECASE)
_ANY_BLANK = re.compile(f"[{BLANKS}]")
INT64 = 2**63 - 1
EXACT = 2**53
PHONE_DIGITS = 7
MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the cells have in common."""

    format: NumberFormat
    integers: bool
    wide: bool = False
    """Integers beyond 2**53."""
    ambiguous: str = ""
    """A cell that can be read in two ways: `1.234`."""
    code: str = ""
    """Why they are no quantities but codes, although they consist of digits."""


def looks_numeric(text: str) -> bool:
    """Whether pandas may take `text` for a number, whatever marks it is told."""
    return _LIKE.fullmatch(text) is not None


def numbers(texts: Collection[str], likely: Decimal | None) -> Numbers | None:
    """The common format of all `texts`, which are distinct, stripped and not empty; None if there is none.

    `likely` is the decimal mark of other columns, and decides for `1.234` and `1,234`.
    """
    found: list[re.Match[str]] = []
    for text in texts:
        match = _NUMBER.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if match is None or bool(match["open"]) != bool(match["close"]):
            return None
        found.append(match)
    cores = {_ANY_BLANK.sub(" ", match["core"]) for match in found}
    marks = _decimal_and_thousands(cores, likely)
    if marks is None:
        return None
    decimal, thousands, ambiguous = marks
    affixes = {match["before"] or "" for match in found} | {match["after"] or "" for match in found}
    percent = affixes & {"%", "‰"}
    currency = affixes - percent - {""}
    if (
        len(percent) > 1
        or len({_SAME.get(symbol, symbol) for symbol in currency}) > 1
        or (percent and (currency or not all(match["after"] for match in found)))
    ):
        return None
    written = NumberFormat(
        decimal=decimal,
        thousands=thousands,
        percent="".join(percent),
        currency=tuple(sorted(currency)),
        behind=any(match["open"] or match["trailing"] or match["last"] for match in found),
        dashes=any(_has_dash(match) for match in found),
        exponent=any(match["exponent"] for match in found),
    )
    return _judged(found, cores, written, ambiguous)


def _has_dash(match: re.Match[str]) -> bool:
    return any(match[name] and match[name] in DASHES for name in ("sign", "inner", "trailing", "last"))


def _judged(found: list[re.Match[str]], cores: set[str], written: NumberFormat, ambiguous: str) -> Numbers:
    integers = written.decimal is None and not written.exponent
    bare = integers and not (written.percent or written.currency or written.thousands)
    if any(len(core) > 1 and core.startswith("0") and core.isdigit() for core in cores) and integers:
        return Numbers(written, integers, code="codes with leading zeros")
    if bare and all(m["sign"] == "+" and len(m["core"]) >= PHONE_DIGITS for m in found):
        return Numbers(written, integers, code="phone numbers")
    if written.exponent and all(m["core"].isdigit() and not m["sign"] for m in found):
        if not all(m["exponent"] for m in found):
            return Numbers(written, integers, code="codes such as 12E4")
        ambiguous = min(m.string for m in found)
    largest = max((int(_MARKS.sub("", core)) for core in cores if len(core) > 15), default=0) if integers else 0
    if largest > INT64:
        return Numbers(written, integers, code="integers beyond 64 bits")
    return Numbers(written, integers, wide=largest > EXACT, ambiguous=ambiguous)


def _decimal_and_thousands(cores: set[str], likely: Decimal | None) -> tuple[Decimal | None, str, str] | None:
    """`(decimal mark, thousands mark, an ambiguous number)`; None if no pair of marks fits all."""
    marked = {core for core in cores if not core.isdigit()}
    used = set(_MARKS.findall("".join(marked)))
    if not used:
        return None, "", ""
    groups = used - {".", ","}
    if len(groups) > 1:
        return None
    if groups:
        points: list[Decimal | None] = [point for point in _points() if point in used] or [None]
        fitting = [(point, groups.copy().pop()) for point in points]
    else:
        fitting = [(None, mark) for mark in (",", ".")] + [(point, mark) for point in _points() for mark in ("", *",.")]
    fits = [(point, mark) for point, mark in fitting if point != mark and _fit(cores, point, mark, used)]
    if len(fits) < 2:
        return (*fits[0], "") if fits else None
    example = min(marked)
    if any(core.isdigit() and len(core) > 3 for core in cores):  # other thousands have no mark
        fits = [(point, mark) for point, mark in fits if not mark] or fits
        example = ""
    preferred = [fit for fit in fits if (fit[0] or _other(fit[1])) == (likely or ".")]
    return (*(preferred or fits)[0], example)


def _points() -> tuple[Decimal, Decimal]:
    return ".", ","


def _other(mark: str) -> Decimal:
    """The decimal mark that goes with a thousands mark."""
    return "," if mark == "." else "."


def _fit(cores: set[str], decimal: str | None, thousands: str, used: set[str]) -> bool:
    """Whether all cores can be read with these marks, and each mark is used."""
    if used != {mark for mark in (decimal, thousands) if mark}:
        return False
    group = re.escape(thousands)
    grouped = rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+" if thousands else r"\d+"
    if thousands == ",":  # India: 12,34,567
        grouped += r"|[1-9]\d?(?:,\d\d)+,\d{3}"
    fraction = rf"(?:{re.escape(decimal)}\d*)?" if decimal else ""
    leading = rf"|{re.escape(decimal)}\d+" if decimal else ""
    pattern = re.compile(rf"(?:(?:{grouped}|\d+){fraction}{leading})")
    return all(pattern.fullmatch(core) for core in cores)

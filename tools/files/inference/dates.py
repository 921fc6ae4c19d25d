"""Recognizes dates and times from all distinct cells of a column, because only the whole column tells the order."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from tools.files.inference.column_type import DateFormat

Order = Literal["ymd", "dmy", "mdy"]
_CLOCK = (
    r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:(?P<point>[.,])(?P<fraction>\d{1,9}))?)?"
)
_ZONE = r"(?P<zone>Z| ?[-+]\d\d:?\d\d| UTC| GMT)"
_TIME = rf"(?:(?P<gap>T|,? ){_CLOCK}(?P<half> ?[AaPp][Mm])?{_ZONE}?)?"
_NUMERIC = re.compile(rf"(?P<a>\d{{1,4}})(?P<mark>-|/|\. ?)(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{4}}|\d{{1,2}}){_TIME}")
_COMPACT = re.compile(rf"(?P<a>(?:19|20)\d\d)(?P<mark>)(?P<b>\d\d)(?P<c>\d\d){_TIME}")
_FULL = "January|February|March|April|June|July|August|September|October|November|December"
_NAME = rf"(?P<full>{_FULL})|(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = r"(?P<week>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?"
_NAMED = re.compile(
    rf"{_WEEKDAY}(?P<a>\d{{1,2}})(?P<mark>-| |\. )(?:{_NAME})(?P<mark2>[- ])(?P<c>\d{{4}}|\d\d){_TIME}", re.IGNORECASE
)
_AMERICAN = re.compile(rf"(?:{_NAME}) (?P<a>\d{{1,2}})(?P<mark>,? )(?P<c>\d{{4}}){_TIME}", re.IGNORECASE)
_TIME_OF_DAY = re.compile(rf"{_CLOCK}(?P<half> ?[AaPp][Mm])?{_ZONE}?")
_ORDERED: dict[Order, str] = {"ymd": "%Y{0}%m{0}%d", "dmy": "%d{0}%m{0}%Y", "mdy": "%m{0}%d{0}%Y"}
_ISO = re.compile(r"%Y-%m-%d([T ]%H:%M(:%S(\.%f)?)?)?(%z)?")
_DISTANT = frozenset(str(year) for year in range(40, 69))
"""Years of two digits that pandas takes for 20xx, although 19xx may be meant."""
MAX_LENGTH = 45
MAX_FORMS = 4


@dataclass(frozen=True, slots=True)
class Dates:
    """What the cells have in common."""

    format: DateFormat
    ambiguous: str = ""
    """A cell that can be read in two ways: `01/02/2024`."""
    distant: bool = False
    """Whether years of two digits are taken for distant ones: 45 for 2045."""


def are_times(texts: Iterable[str]) -> bool:
    """Whether all `texts` are times of day."""
    return all(len(text) <= MAX_LENGTH and _TIME_OF_DAY.fullmatch(text) for text in texts)


def dates(texts: Collection[str], likely_day_first: bool | None) -> Dates | None:
    """The common format of all `texts`, which are distinct, stripped and not empty; None if there is none.

    `likely_day_first` is the order in other columns, and decides for `01/02/2024`.
    """
    found: list[re.Match[str]] = []
    forms: set[str] = set()
    for text in texts:
        match = _matched(text)
        if match is None:
            return None
        found.append(match)
        forms.add(_form(match))
        if len(forms) > MAX_FORMS:
            return None
    numeric = [match for match in found if match.re is _NUMERIC]
    orders = [order for order in _ORDERED if all(_is_valid(match, order) for match in numeric)]
    if not orders or not all(_is_valid(match, "ymd") for match in found if match.re is _COMPACT):
        return None
    order, sure = _preferred(orders, numeric, likely_day_first)
    distant = any(len(match["c"]) == 2 and order != "ymd" and match["c"] in _DISTANT for match in found)
    if _looks_like_versions(numeric, order):
        return None
    written = _format(forms, order, found)
    if written is None:
        return None
    if numeric and order != "ymd":
        written = replace(written, day_first=order == "dmy")
    return Dates(written, "" if sure else min(match.string for match in numeric), distant)


def orders_differ(texts: Iterable[str]) -> bool:
    """Whether all `texts` are numeric dates, but some only make sense with the day first, others with the month."""
    days = months = False
    for text in texts:
        match = _NUMERIC.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if match is None or not (_is_valid(match, "dmy") or _is_valid(match, "mdy")):
            return False
        days |= not _is_valid(match, "mdy")
        months |= not _is_valid(match, "dmy")
    return days and months


def _matched(text: str) -> re.Match[str] | None:
    if not 6 <= len(text) <= MAX_LENGTH:
        return None
    for pattern in (_NUMERIC, _COMPACT, _NAMED, _AMERICAN):
        if (match := pattern.fullmatch(text)) is not None:
            return match
    return None


def _form(match: re.Match[str]) -> str:
    """The format for `strptime`, where `{order}` stands for the year, month and day of a numeric date."""
    year = "%Y" if len(match["c"]) == 4 else "%y"
    month = "%B" if match.re in (_NAMED, _AMERICAN) and match["full"] else "%b"
    if match.re is _NUMERIC:
        day = f"{{order}}|{match['mark']}|{'%Y' if 4 in (len(match['a']), len(match['c'])) else '%y'}|"
    elif match.re is _COMPACT:
        day = "%Y%m%d|"
    elif match.re is _NAMED:
        day = f"{'%a, ' if match['week'] else ''}%d{match['mark']}{month}{match['mark2']}{year}|"
    else:
        day = f"{month} %d{match['mark']}{year}|"
    return day + _time_form(match)


def _time_form(match: re.Match[str]) -> str:
    if match["hour"] is None:
        return ""
    seconds = "" if match["second"] is None else ":%S"
    fraction = "" if match["fraction"] is None else f"{match['point']}%f"
    hour = "%H" if match["half"] is None else "%I"
    half = "" if match["half"] is None else match["half"][:-2] + "%p"
    zone = match["zone"] or ""
    named = {" UTC": " %Z", " GMT": " %Z", "": ""}
    return f"{match['gap']}{hour}:%M{seconds}{fraction}{half}" + named.get(zone, " %z" if zone[:1] == " " else "%z")


def _is_valid(match: re.Match[str], order: Order) -> bool:
    a, b, c = match["a"], match["b"], match["c"]
    year, month, day = {"ymd": (a, b, c), "dmy": (c, b, a), "mdy": (c, a, b)}[order]
    if len(year) not in (2, 4) or len(day) > 2 or len(month) > 2:
        return False
    try:
        date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _preferred(orders: list[Order], numeric: list[re.Match[str]], likely_day_first: bool | None) -> tuple[Order, bool]:
    """`(order, whether it is certain)`."""
    if len(orders) == 1 or not numeric:
        return orders[0], True
    if "dmy" in orders and numeric[0]["mark"].startswith("."):  # nobody writes a month first with dots
        return "dmy", True
    if "dmy" in orders and "mdy" in orders:
        same = all(match["a"] == match["b"] for match in numeric)
        return "dmy" if likely_day_first else "mdy", same
    return next(order for order in orders if order != "ymd"), False


def _looks_like_versions(numeric: list[re.Match[str]], order: Order) -> bool:
    """`1.10.12`: with dots, a short year and no part that begins with 0."""
    return bool(numeric) and all(
        match["mark"] == "." and order != "ymd" and len(match["c"]) == 2 and "0" not in (match["a"][0], match["b"][0])
        for match in numeric
    )


def _format(forms: set[str], order: Order, found: list[re.Match[str]]) -> DateFormat | None:
    zones = {(match["zone"] or "").strip() for match in found}
    if len(zones) > 1 and ("" in zones or zones & {"UTC", "GMT"}):
        return None
    written = {_written(form, order) for form in forms}
    utc = len(zones) > 1
    if len(written) == 1:
        (only,) = written
        iso = _ISO.fullmatch(only) is not None and not utc and all(_is_padded(match) for match in found)
        return DateFormat(only, utc=utc, guessed=iso and not only.endswith("%z"))
    if all(_ISO.fullmatch(one) for one in written) and all(_is_padded(match) for match in found):
        return DateFormat("ISO8601", utc=utc)
    if any("%y" in one or one.startswith(("%Y", "%b", "%B", "%a")) for one in written):
        return None
    return DateFormat("mixed", utc=utc)


def _written(form: str, order: Order) -> str:
    """The form as a format of `strptime`."""
    day, _, rest = form.partition("|")
    if day != "{order}":
        return day + rest
    mark, year, time = rest.split("|", 2)
    return _ORDERED[order].format(mark).replace("%Y", year) + time


def _is_padded(match: re.Match[str]) -> bool:
    return len(match["b"] or "") == 2 and len(match["c"]) == 2 and len(match["hour"] or "00") == 2

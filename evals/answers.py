"""Checks for answers: numbers within a tolerance, words, `@name[value]` slots."""

import re
from collections.abc import Mapping

from evals.task import Check

_NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SLOT = re.compile(r"@(\w+)\s*\[([^\]]*)\]")


def numbers_in(text: str) -> list[float]:
    """All numbers as a person would read them."""
    return [float(raw.replace(",", "").replace("\u2212", "-")) for raw in _NUMBER.findall(text)]


def numbers(*values: float, decimals: int = 2) -> Check:
    """Every value is in the answer, correct to this many decimals (or exact if it is a whole number)."""

    def check(text: str) -> str | None:
        found = numbers_in(text)
        missing = [v for v in values if not any(_close(v, other, decimals) for other in found)]
        return f"missing {', '.join(f'{v:g}' for v in missing)}" if missing else None

    return check


def _close(wanted: float, got: float, decimals: int) -> bool:
    room = 0.0 if float(wanted).is_integer() and abs(wanted) < 2**53 else 0.51 * 10**-decimals
    return abs(wanted - got) <= max(room, 1e-9 * abs(wanted))


def words(*wanted: str) -> Check:
    """Every text is in the answer, ignoring case and thousands separators; `a|b` means either."""

    def check(text: str) -> str | None:
        said = text.lower().replace(",", "")
        missing = [w for w in wanted if not any(one.lower().replace(",", "") in said for one in w.split("|"))]
        return f"missing {', '.join(missing)}" if missing else None

    return check


def both(*checks: Check) -> Check:
    """All of these checks."""
    return lambda text: next((wrong for check in checks if (wrong := check(text)) is not None), None)


def slots(expected: Mapping[str, float | str], decimals: int = 2) -> Check:
    """Every `@name[value]` is present exactly once and correct."""

    def check(text: str) -> str | None:
        found: dict[str, list[str]] = {}
        for name, value in _SLOT.findall(text):
            found.setdefault(name, []).append(value.strip())
        for name, value in expected.items():
            given = found.get(name, [])
            if not given:
                return f"format: no @{name}[…]"
            if len(set(given)) > 1:
                return f"format: several @{name}[…]"
            if not _same(value, given[0], decimals):
                return f"value: @{name}[{given[0]}], not {value}"
        return None

    return check


def _same(wanted: float | str, given: str, decimals: int) -> bool:
    if isinstance(wanted, str):
        return wanted.lower() == given.strip("'\" ").lower()
    found = numbers_in(given)
    return len(found) == 1 and abs(found[0] - wanted) <= 0.51 * 10**-decimals

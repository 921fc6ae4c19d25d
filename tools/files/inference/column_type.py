"""The type of a column, and how it is written: the decision that profiles, lines of Python and programs share."""

from dataclasses import dataclass
from typing import Literal

from tools.files.profile import ValueKind

Decimal = Literal[".", ","]
BLANKS = " \u00a0\u202f\u2009"
"""Ordinary, no-break, narrow no-break and thin spaces, all used between groups of digits."""
DASHES = "\u2212\u2013"
"""The typographic minus, and the dash that stands for it."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of a column are written."""

    decimal: Decimal | None = None
    """None if no number has decimals."""
    thousands: str = ""
    """The mark between groups of digits; " " stands for any of `BLANKS`. Empty if there is none."""
    percent: str = ""
    """`%` or `‰`. The number is kept as written: `12,5 %` is 12.5."""
    currency: tuple[str, ...] = ()
    """The symbols or codes of one currency, as written."""
    behind: bool = False
    """Whether negative numbers have parentheses, or a minus behind them."""
    dashes: bool = False
    """Whether negative numbers have a typographic minus."""
    exponent: bool = False

    @property
    def decimal_mark(self) -> Decimal | None:
        """The decimal mark, if the numbers show it: also by the mark for thousands."""
        if self.decimal or self.thousands not in (",", "."):
            return self.decimal
        return "," if self.thousands == "." else "."

    @property
    def summary(self) -> str:
        """How the numbers are written, in a few words; empty for ordinary numbers."""
        parts = [
            "decimal comma" if self.decimal == "," else "",
            f"thousands {self.thousands!r}" if self.thousands else "",
            f"percent: 12.5 means 12.5{self.percent}" if self.percent else "",
            f"currency {self.currency[0]}" if self.currency else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def plain(self) -> bool:
        """Whether the numbers have nothing but digits, a sign in front, and marks of a single ASCII character."""
        return not (self.percent or self.currency or self.behind or self.dashes or self.thousands in (" ", "’"))


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How the dates of a column are written."""

    format: str
    """For `pd.to_datetime`: a format of `strptime`, `ISO8601`, or `mixed`."""
    day_first: bool | None = None
    """Whether the day precedes the month in numeric dates; None if nothing shows it."""
    utc: bool = False
    """Whether the offsets differ, so that the times are converted to UTC."""

    guessed: bool = False
    """Whether pandas recognizes the format by itself."""

    @property
    def summary(self) -> str:
        """How the dates are written, in a few words; empty for ISO dates."""
        if self.utc:
            return "different offsets, converted to UTC"
        if self.format == "mixed":
            return f"written in several ways{', day first' if self.day_first else ''}"
        return "" if self.guessed or self.format == "ISO8601" else f"written {self.format}"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The decision about one column."""

    kind: ValueKind
    why: str = ""
    """A short clause for a reader, such as `codes with leading zeros`; empty if the kind says it all."""
    doubt: str = ""
    """What is ambiguous, and the assumption that was made."""
    number: NumberFormat | None = None
    date: DateFormat | None = None
    missing: tuple[str, ...] = ()
    """The cells that are missing values, exactly as written; empty cells are always missing."""
    words: tuple[str, ...] = ()
    """Texts that pandas would take for missing, but that are values here."""
    digits: bool = False
    """Whether this is text, and pandas would take some of it for numbers or booleans."""
    padded: bool = False
    """Whether cells have blanks around them."""
    wide: bool = False
    """Whether integers exceed 2**53, which floats cannot hold exactly."""
    gaps: bool = False
    """Whether values are missing."""

    @property
    def dtype(self) -> str | None:
        """The pandas type to request when reading; None if pandas finds the right one by itself."""
        if self.kind == "text":
            return "str" if self.digits else None
        if self.kind == "integer" and self.wide and self.gaps:
            return "Int64"
        return "boolean" if self.kind == "boolean" and self.gaps else None

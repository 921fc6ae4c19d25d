"""Detects how a text is divided into cells: separator, quotes, or fixed widths."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

MAX_LINES = 200
"""Lines that are looked at."""
MAX_CELL = 16 << 20
"""Maximum characters of a cell."""
_LINE = re.compile(r"\r\n|\n|\r")
_DECLARED = re.compile(r'"?sep=(\\t|.)"?[;,\t]*', re.IGNORECASE)
_COMMON = ",;\t|"
_RARE = "^~¦§\x1f\x01\x1e:"
WHITESPACE = r"\s+"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines are divided into cells."""

    separator: str = ","
    """A character, or a regular expression of more."""
    quote: str = '"'
    """Empty if quotes mean nothing."""
    escape: str = ""
    skip_space: bool = False
    """Whether blanks follow the separators."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where each column of fixed width begins and ends; the separator then means nothing."""
    declared: bool = False
    """Whether the first line declares the separator: `sep=;`."""

    def rows(self, text: str) -> Iterator[list[str]]:
        """The cells of each record; none for a blank line."""
        if self.spans:
            return ([line[start:end].strip() for start, end in self.spans] for line in lines_of(text))
        if self.separator == WHITESPACE:
            lines = "\n".join(line.replace("\t", " ").strip() for line in lines_of(text))
            return replace(self, separator=" ", skip_space=True)._csv_rows(lines)
        if len(self.separator) > 1:
            pattern = re.compile(self.separator)
            return (pattern.split(line) if line.strip() else [] for line in lines_of(text))
        return self._csv_rows(text)

    def _csv_rows(self, text: str) -> Iterator[list[str]]:
        csv.field_size_limit(MAX_CELL)
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.separator,
            quotechar=self.quote or None,
            escapechar=self.escape or None,
            skipinitialspace=self.skip_space,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
        )
        try:
            yield from reader
        except csv.Error:  # what precedes an error is kept
            return

    @property
    def is_aligned(self) -> bool:
        """Whether blanks separate the cells."""
        return bool(self.spans) or self.separator == WHITESPACE

    @property
    def name(self) -> str:
        """What separates the cells, for a reader."""
        if self.is_aligned:
            return "fixed widths" if self.spans else "blanks"
        return {"\t": "tab"}.get(self.separator, self.separator)

    @property
    def reader(self) -> str:
        """The function of pandas that reads it."""
        return "read_fwf" if self.spans else "read_csv"

    @property
    def options(self) -> dict[str, Any]:
        """The options of that function, where they differ from the defaults."""
        if self.spans:
            return {"colspecs": list(self.spans)}
        found: dict[str, Any] = {} if self.separator == "," else {"sep": self.separator}
        if len(self.separator) > 1 and self.separator != WHITESPACE:
            found["engine"] = "python"
        if self.quote != '"':
            found |= {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        if self.escape:
            found["escapechar"] = self.escape
        return found | ({"skipinitialspace": True} if self.skip_space else {})


def lines_of(text: str) -> list[str]:
    """The lines as readers of tables see them, which are not those of `splitlines`."""
    lines = _LINE.split(text)
    return lines if lines[-1] else lines[:-1]


def detect(text: str, *, tabs: bool = False) -> Dialect:
    """The dialect of a table's beginning. `tabs`: whether its name says that tabs separate the cells."""
    lines = [line for line in lines_of(text)[: 2 * MAX_LINES] if line.strip()][:MAX_LINES]
    if lines and (match := _DECLARED.fullmatch(lines[0])):
        separator = match.group(1).replace("\\t", "\t")
        return replace(_quoted("\n".join(lines[1:]), separator), declared=True)
    sample = "\n".join(lines)
    if tabs and "\t" in sample:
        return _quoted(sample, "\t")
    scores = {separator: _score(sample, Dialect(separator)) for separator in _COMMON if separator in sample}
    best = max(scores, key=lambda separator: scores[separator], default="")
    if not best or scores[best] < 0.6:
        rare = {one: _score(sample, Dialect(one)) for one in _RARE if one in sample}
        odd = max(rare, key=lambda separator: rare[separator], default="")
        blanks = _of_blanks(lines)
        if blanks is not None and _score(sample, blanks) > max(scores.get(best, 0), rare.get(odd, 0), 0.5):
            return blanks
        if odd and rare[odd] > max(0.8, scores.get(best, 0)):
            best = odd
    return _quoted(sample, best or ",")


def _score(sample: str, dialect: Dialect) -> float:
    """The share of records with the most common number of cells, if that is more than one; less if cells contain
    other separators.
    """
    rows = [row for row in dialect.rows(sample) if row]
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    alike = [row for row in rows if len(row) == width]
    others = [mark for mark in ";\t|" if mark != dialect.separator]
    impure = sum(any(mark in cell for cell in row for mark in others) for row in alike)
    return count / len(rows) * (1 - impure / len(alike) / 2) + min(width, 50) / 10_000


def _quoted(sample: str, separator: str) -> Dialect:
    """The dialect with this separator, and the quotes that fit best."""
    plain = Dialect(separator, skip_space=_has_space_behind(sample, separator))
    if separator != "\t" and _is_doubled(sample, separator):
        return Dialect(re.escape(separator * 2))
    candidates = [plain]
    if '\\"' in sample:
        candidates.append(replace(plain, escape="\\"))
    if sample.count("'") > 1 and '"' not in sample and _has_single_quotes(sample, plain):
        candidates.insert(0, replace(plain, quote="'"))
    if '"' in sample:
        literal = replace(plain, quote="")
        if _swallows_lines(sample, plain, literal):
            return literal
        candidates.append(literal)
    scores = [_score(sample, one) - 0.02 * at for at, one in enumerate(candidates)]
    return candidates[scores.index(max(scores))]


def _swallows_lines(sample: str, quoted: Dialect, literal: Dialect) -> bool:
    """Whether lines disappear in quotes that are never closed, although each is a record of its own."""
    records = [row for row in quoted.rows(sample) if row]
    lines = [row for row in literal.rows(sample) if row]
    return len(records) < len(lines) and len({len(row) for row in lines}) == 1 and len(lines[0]) > 1


def _has_space_behind(sample: str, separator: str) -> bool:
    if separator.isspace():
        return False
    inner = [cell for row in Dialect(separator).rows(sample) for cell in row[1:] if cell]
    return bool(inner) and sum(cell.startswith(" ") for cell in inner) > len(inner) / 2


def _is_doubled(sample: str, separator: str) -> bool:
    """Whether the separator is written twice: `a||b`."""
    if separator * 2 not in sample:
        return False
    rows = [row for row in Dialect(separator).rows(sample) if len(row) > 1]
    return bool(rows) and all(len(row) % 2 and not any(row[1::2]) for row in rows) and any(row[2] for row in rows)


def _has_single_quotes(sample: str, dialect: Dialect) -> bool:
    cells = [cell.strip() for row in replace(dialect, quote="'").rows(sample) for cell in row]
    raw = [cell.strip() for row in dialect.rows(sample) for cell in row]
    quoted = sum(cell.startswith("'") and cell.endswith("'") and len(cell) > 1 for cell in raw)
    return quoted >= 2 and sum("'" in cell for cell in cells) < sum("'" in cell for cell in raw) / 2


def _of_blanks(lines: list[str]) -> Dialect | None:
    """Columns divided by blanks: by any number of them, or at fixed positions."""
    rows = [row for row in Dialect(WHITESPACE).rows("\n".join(lines)) if row]
    widths = Counter(map(len, rows))
    width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
    labelled = len(rows) > 2 and len(rows[0]) == width - 1  # a header without a name above the labels
    if width > 1 and count + labelled >= 0.9 * len(rows) and any(_is_digit(cell) for row in rows for cell in row):
        return Dialect(WHITESPACE)
    spans = _spans(lines)
    return Dialect(spans=spans) if len(spans) > 1 else None


def _is_digit(text: str) -> bool:
    return text[:1].isdigit() or text[:2].lstrip("-+.").isdigit()


def _spans(lines: list[str]) -> tuple[tuple[int, int], ...]:
    """Where columns of fixed width are, if two blanks or more separate some of them on most lines."""
    body = [line.expandtabs() for line in lines if re.search(r"\S {2,}\S", line.strip())]
    if len(body) < 3 or len(body) < 0.6 * len(lines):
        return ()
    length = max(map(len, body))
    blank = [all(at >= len(line) or line[at] == " " for line in body) for at in range(length)]
    starts = [at for at in range(length) if not blank[at] and (at == 0 or blank[at - 1])]
    # A blank in a name, or in every cell of a short table, divides nothing: each column has a name and values.
    header, *rows = body
    kept: list[int] = []
    for start, end in zip(starts, [*starts[1:], length], strict=True):
        if not kept or (header[start:end].strip() and any(row[start:end].strip() for row in rows)):
            kept.append(start)
    return tuple(zip(kept, [*kept[1:], length], strict=True))

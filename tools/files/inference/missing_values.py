"""Marks of missing values, and which of them are words that may be values."""

import re

PANDAS = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
        *("NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""What pandas takes for missing unless told otherwise, besides empty cells."""
WORDS = frozenset(mark for mark in PANDAS if mark.isalpha())
"""Those that are also codes, names and surnames: Namibia is `NA`."""
_OTHERS = frozenset(
    (
        *(
            "na",
            "n.a.",
            "n.a",
            "n/d",
            "n.d.",
            "nd",
            "s/d",
            "s.d.",
            "k.a.",
            "k. a.",
            "k.a",
            "nil",
            "none",
            "null",
            "nan",
        ),
        *(
            "n/v",
            "n.v.",
            "b.d.",
            "bd",
            "tba",
            "tbd",
            "missing",
            "unknown",
            "(null)",
            "(blank)",
            "\\n",
            "н/д",
            "нет данных",
        ),
        *("#div/0!", "#ref!", "#value!", "#name?", "#num!", "#null!", "#n/v", "#wert!", "#bezug!", "#zahl!"),
        *("없음", "无", "無"),
    )
)
_PUNCTUATION = re.compile(r"[-–—\u2212._*?/:;~]{1,5}")
_ZERO_DATE = re.compile(r"0{1,4}([-/.])0{1,4}\1(0{1,4})([ T]0{1,2}:00(:00)?)?")


def is_mark(text: str) -> bool:
    """Whether `text` may stand for a missing value among numbers or dates."""
    return (
        text in PANDAS
        or text.lower() in _OTHERS
        or _PUNCTUATION.fullmatch(text) is not None
        or _ZERO_DATE.fullmatch(text) is not None
    )


def is_certain(text: str) -> bool:
    """Whether `text` stands for a missing value in any column, because it is no word."""
    return text in PANDAS and text not in WORDS

"""A question for the tools: its words, what it names, and the available files."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from workspace.retrieval.snapshot import DOCUMENTS

TABLES = ("csv", "tsv", "xlsx", "xls", "xlsm", "parquet", "json", "jsonl", "ndjson")
IMAGES = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff")

FileKind = Literal["tables", "documents", "images", "others"]
FILE_KINDS: frozenset[FileKind] = frozenset(get_args(FileKind))
Subject = Literal["addresses", "images", "tables", "documents"]

_ENDINGS: dict[FileKind, tuple[str, ...]] = {"tables": TABLES, "documents": tuple(DOCUMENTS), "images": IMAGES}
_URL = re.compile(r"https?://[^\s<>\"'\]\)]+", re.IGNORECASE)
_WEB = re.compile(
    r"\b(search (the )?(web|internet|online)|(look|find|check).{0,30}\bonline|on the (web|internet)|web search|google"
    r"|latest|newest|news|today'?s|this (week|month|year)|current(ly)? (price|version|president|ceo|weather)"
    r"|weather (in|for|at)|stock price|up[- ]to[- ]date)\b|검색|최신|뉴스|오늘",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"\b(document|report|paper|article|pdf|manual|contract|policy|chapter|page|section|text|notes?|slides?|presentation"
    r"|according to|mention(s|ed)?|state[sd]?|say|says|written|describe[sd]?|summar(y|ise|ize)|explain(s|ed)?)\b"
    r"|문서|보고서",
    re.IGNORECASE,
)
_COMPUTE = re.compile(
    r"\b(sum|total|average|mean|median|count|how many (rows|columns|lines|records|entries)|plot|chart|graph|histogram"
    r"|correlat\w+|percent\w*|standard deviation|variance|maximum|minimum|highest|lowest|largest|smallest|group(ed)? by"
    r"|columns?|rows?|per (month|day|year|region|group)|compute|calculate|program|code|python|script|regression"
    r"|convert|sort|merge|join|fibonacci|primes?|factorial|days between|reverse)\b"
    r"|\d!?\s*[-+*/^%!]\s*\d|합계|평균|계산",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Files:
    """Names of the available files, by how they can be used."""

    tables: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.tables + self.documents + self.images + self.others

    def has(self, kinds: Iterable[FileKind]) -> bool:
        """Whether there is a file of one of these kinds."""
        return any(getattr(self, kind) for kind in kinds)


@dataclass(frozen=True, slots=True)
class Question:
    """Create it with `Question.of`."""

    text: str
    files: Files = Files()
    """The available files."""
    named: Files = Files()
    """The files that it names."""
    addresses: tuple[str, ...] = ()
    """Web addresses in it."""

    @classmethod
    def of(cls, text: str, files: Files = Files()) -> "Question":
        return cls(text, files, sort_files(named(text, files.all)), tuple(addresses(text)))

    @property
    def subject(self) -> Subject | None:
        """The kind of what it names; of several kinds, the first of addresses, images, tables and documents."""
        if self.addresses:
            return "addresses"
        if self.named.images:
            return "images"
        if self.named.tables:
            return "tables"
        return "documents" if self.named.documents else None


def sort_files(names: Iterable[str]) -> Files:
    """By file extension."""
    kinds: dict[str, list[str]] = {"tables": [], "documents": [], "images": [], "others": []}
    for name in names:
        ending = name.rpartition(".")[2].lower()
        kind = next((k for k, endings in _ENDINGS.items() if ending in endings), "others")
        kinds[kind].append(name)
    return Files(**{kind: tuple(names) for kind, names in kinds.items()})


def addresses(text: str) -> list[str]:
    """Web addresses in a text."""
    return [url.rstrip(".,;:!?") for url in _URL.findall(text)]


def named(text: str, names: Sequence[str]) -> list[str]:
    """The files among `names` that a text names, with or without their extension."""
    asked = text.lower()
    return [n for n in names if n.lower() in asked or (len(stem := n.rpartition(".")[0]) > 3 and stem.lower() in asked)]


def wants_web(text: str) -> bool:
    return bool(_WEB.search(text))


def wants_computing(text: str) -> bool:
    return bool(_COMPUTE.search(text))


def wants_documents(text: str) -> bool:
    return bool(_DOCUMENT.search(text))

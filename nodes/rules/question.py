"""What a question seems to need, told by rules: they cost nothing, and most questions are plain.

Where the rules see several ways, `nodes/react/choose_tool.py` asks the model.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.names import PYTHON_CODER, RAG_RETRIEVER, READ_PAGE, VISION_ANALYZER, WEB_SEARCH

TABLES = ("csv", "tsv", "xlsx", "xls", "xlsm", "parquet", "json", "jsonl", "ndjson")
DOCUMENTS = ("pdf", "docx", "pptx", "html", "htm", "md", "txt", "rst")
IMAGES = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff")

_URL = re.compile(r"https?://[^\s<>\"'\]\)]+", re.IGNORECASE)
_WEB = re.compile(
    r"\b(search (the )?(web|internet|online)|(look|find|check).{0,30}\bonline|on the (web|internet)|web search|google"
    r"|latest|newest|news|today'?s|this (week|month|year)|current(ly)? (price|version|president|ceo|weather)"
    r"|weather (in|for|at)|stock price|up[- ]to[- ]date)\b|검색|최신|뉴스|오늘",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\A\W*(?:please )?(?:search|look (?:it )?up|google|check|find out)\b[^:,?.\n]{0,40}[:,] +", re.IGNORECASE
)
_FORM = re.compile(
    r"(?:^|(?<=[.?!\n]))[^.?!\n]*(?:\b(?:this|the following) (?:answer )?(?:format|form|template)\b"
    r"|\banswers?\b[^\n.?!]{0,30}\b(?:format|form|template)\b|\b(?:format|form) of (?:the|your) answer\b"
    r"|\b(?:answer|output|reply|response) format\b|@\w+\[)[^\n]*",
    re.IGNORECASE,
)
_SLOT = re.compile(r"@(\w{1,60})\[")
_IMAGE = re.compile(
    r"\b(image|picture|photo|photograph|screenshot|scan|drawing|logo|diagram|poster|sign)s?\b"
    r"|\b(see|shown|depicted|visible|look like)\b|이미지|사진",
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
    """Names of the files at hand, by what can be done with them."""

    tables: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.tables + self.documents + self.images + self.others


def sort_files(names: Iterable[str]) -> Files:
    """By the name's ending."""
    kinds: dict[str, list[str]] = {"tables": [], "documents": [], "images": [], "others": []}
    for name in names:
        ending = name.rpartition(".")[2].lower()
        kind = next((k for k, endings in _ENDINGS.items() if ending in endings), "others")
        kinds[kind].append(name)
    return Files(**{kind: tuple(names) for kind, names in kinds.items()})


_ENDINGS = {"tables": TABLES, "documents": DOCUMENTS, "images": IMAGES}


def addresses(question: str) -> list[str]:
    """Web addresses that the question names."""
    return [url.rstrip(".,;:!?") for url in _URL.findall(question)]


def named(question: str, names: Sequence[str]) -> list[str]:
    """The files among `names` that the question names, with or without their ending."""
    asked = question.lower()
    return [n for n in names if n.lower() in asked or (len(stem := n.rpartition(".")[0]) > 3 and stem.lower() in asked)]


def without_order(question: str) -> str:
    """The question without "Search the web:" before it, which a model that has the results would obey once more."""
    return _ORDER.sub("", question, count=1).strip() or question


def form_of_answer(question: str) -> str:
    """The words that say how the answer has to look, without what introduces them; empty when it is free."""
    lines = [match.group().strip() for match in _FORM.finditer(question)]
    return "\n".join(line.partition(": ")[2] or line for line in lines)


def slots_of(form: str) -> tuple[str, ...]:
    """The names in `@name[value]`, in order."""
    return tuple(dict.fromkeys(_SLOT.findall(form)))


def wants_web(question: str) -> bool:
    return bool(_WEB.search(question))


def wants_computing(question: str) -> bool:
    return bool(_COMPUTE.search(question))


def wants_documents(question: str) -> bool:
    return bool(_DOCUMENT.search(question))


def likely_tools(question: str, files: Files, tools: Iterable[str]) -> list[str]:
    """The tools that the question seems to need, likeliest first; never empty while there are tools.

    One means that the rules are sure; several, that somebody has to choose.
    """
    there = set(tools)
    asked = [tool for tool in _by_rules(question, files) if tool in there]
    return asked or [tool for tool in (PYTHON_CODER, *sorted(there)) if tool in there][:1]


def _by_rules(question: str, files: Files) -> list[str]:
    if addresses(question):
        return [READ_PAGE]
    if named(question, files.images):
        return [VISION_ANALYZER]
    if named(question, files.tables):
        return [PYTHON_CODER]
    computing = wants_computing(question)
    if named(question, files.documents):
        return [RAG_RETRIEVER, PYTHON_CODER] if computing else [RAG_RETRIEVER]
    if wants_web(question):
        return [WEB_SEARCH]
    return _by_kind(question, files, computing=computing)


def _by_kind(question: str, files: Files, *, computing: bool) -> list[str]:
    """No file is named: what the files at hand are good for."""
    about_image = files.images and (_IMAGE.search(question) or not (files.tables or files.documents))
    if about_image and not computing:
        return [VISION_ANALYZER]
    if not files.documents:
        return [PYTHON_CODER]
    if not files.tables:
        return [PYTHON_CODER, RAG_RETRIEVER] if computing else [RAG_RETRIEVER]
    if computing and not wants_documents(question):
        return [PYTHON_CODER]
    if wants_documents(question) and not computing:
        return [RAG_RETRIEVER]
    return [RAG_RETRIEVER, PYTHON_CODER]

"""What a tool gives back beside its words: new files, sources that an answer can cite, structured data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import TypedDict


class Source(TypedDict):
    """A passage that an answer may rest on. `score` only compares sources of one search."""

    kind: Literal["file", "web"]
    title: str
    """The file's name, or the page's title."""
    url: str | None
    """Where a client can open it; None for a file that is not served by itself."""
    page: int | None
    """Counted from 1."""
    heading: str | None
    position: int | None
    """Characters from the start of the document's text."""
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Extras:
    """The artifact of every tool of ours (LangChain's `content_and_artifact`)."""

    files: Sequence[str] = ()
    """Names of new or changed files in the session's folder."""
    sources: Sequence[Source] = ()
    lead: str = ""
    """What is said before the sources."""
    answer: str | None = None
    """Set when the question that came with the input is answered by these words: nobody has to phrase them again."""
    data: dict[str, Any] = field(default_factory=dict)
    """Anything else that a program wants rather than a model; plain JSON."""

    def observation(self, first: int = 1) -> str:
        """The lead and the sources, numbered from `first`: a run's later searches go on where earlier ones ended."""
        return "\n\n".join(part for part in (self.lead, numbered(self.sources, first)) if part)


def numbered(sources: Sequence[Source], first: int = 1) -> str:
    """The sources as the model reads and cites them: `[1] report.pdf, page 3`, then the text."""
    return "\n\n".join(f"[{first + at}] {place(source)}\n{source['text'].strip()}" for at, source in enumerate(sources))


def place(source: Source) -> str:
    """Where a source stands, in one line."""
    parts = [source["title"]]
    if source["page"] is not None:
        parts.append(f"page {source['page']}")
    if source["heading"]:
        parts.append(source["heading"])
    if source["kind"] == "web" and source["url"]:
        parts.append(source["url"])
    return ", ".join(parts)


def with_sources(lead: str, sources: Sequence[Source], data: dict[str, Any] | None = None) -> tuple[str, Extras]:
    """What a tool that found something returns."""
    extras = Extras(sources=sources, lead=lead, data=data or {})
    return extras.observation(), extras

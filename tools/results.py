"""The results of a tool besides its text: new files, citable sources, structured data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import TypedDict


class Source(TypedDict):
    """A passage that an answer may be based on. `score` only compares sources of one search."""

    kind: Literal["file", "web"]
    title: str
    """The file's name, or the page's title."""
    url: str | None
    """URL for clients; None for a file that is not served by itself."""
    page: int | None
    """Counted from 1."""
    heading: str | None
    position: int | None
    """Characters from the start of the document's text."""
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Extras:
    """The artifact of every tool (LangChain's `content_and_artifact`)."""

    files: Sequence[str] = ()
    """Names of new or changed files in the session's folder."""
    sources: Sequence[Source] = ()
    lead: str = ""
    """Text before the sources."""
    answer: str | None = None
    """Set if this text answers the question in the input, so that no model has to rephrase it."""
    data: dict[str, Any] = field(default_factory=dict)
    """Other data for programs rather than models; plain JSON."""

    def observation(self, first: int = 1) -> str:
        """The lead and the sources, numbered from `first`: later searches of a run continue the numbering."""
        return "\n\n".join(part for part in (self.lead, numbered(self.sources, first)) if part)


def numbered(sources: Sequence[Source], first: int = 1) -> str:
    """The sources as the model reads and cites them: `[1] report.pdf, page 3`, then the text."""
    return "\n\n".join(f"[{first + at}] {place(source)}\n{source['text'].strip()}" for at, source in enumerate(sources))


def place(source: Source) -> str:
    """The location of a source, in one line."""
    parts = [source["title"]]
    if source["page"] is not None:
        parts.append(f"page {source['page']}")
    if source["heading"]:
        parts.append(source["heading"])
    if source["kind"] == "web" and source["url"]:
        parts.append(source["url"])
    return ", ".join(parts)


def with_sources(lead: str, sources: Sequence[Source], data: dict[str, Any] | None = None) -> tuple[str, Extras]:
    """The return value of a tool that found something."""
    extras = Extras(sources=sources, lead=lead, data=data or {})
    return extras.observation(), extras

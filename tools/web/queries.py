"""A search query, and its arguments for each of the two engines."""

import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal

from tools.results import Source

MAX_TEXT = 800
"""Maximum characters of one result."""
MAX_TITLE = 200
_SPACE = re.compile(r"\s+")
_SPANS = {1: "d", 7: "w", 31: "m"}
TimeRange = Literal["day", "week", "month", "year"]


class SearchError(Exception):
    """There are no results; the message explains why to a model."""


@dataclass(frozen=True, slots=True)
class Query:
    """Validated by the tool's input schema."""

    text: str
    max_results: int = 5
    depth: Literal["basic", "advanced"] = "basic"
    topic: Literal["general", "news", "finance"] = "general"
    days: int | None = None
    time_range: TimeRange | None = None
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()

    def for_tavily(self, today: datetime.date) -> dict[str, Any]:
        """Arguments of `AsyncTavilyClient.search`. Its `days` only applies to news; otherwise a start date is used."""
        since = None if self.days is None or self.topic == "news" else today - datetime.timedelta(days=self.days)
        return {
            "query": self.text,
            "search_depth": self.depth,
            "topic": self.topic,
            "max_results": self.max_results,
            "time_range": self.time_range,
            "days": self.days if self.topic == "news" else None,
            "start_date": since and since.isoformat(),
            "include_domains": list(self.include_domains) or None,
            "exclude_domains": list(self.exclude_domains) or None,
        }

    def for_ddgs(self) -> dict[str, Any]:
        """Arguments of `DDGS.text` or `DDGS.news`. Days are rounded up to one of its time ranges."""
        limit = self.time_range and self.time_range[0]
        if self.days is not None:
            limit = next((span for days, span in _SPANS.items() if self.days <= days), "y")
        if self.topic == "news" and limit == "y":
            limit = "m"  # its news goes back no further
        only = " OR ".join(f"site:{domain}" for domain in self.include_domains)
        without = " ".join(f"-site:{domain}" for domain in self.exclude_domains)
        return {
            "query": " ".join(part for part in (self.text, only, without) if part),
            "timelimit": limit,
            "max_results": self.max_results,
        }

    def allows(self, host: str) -> bool:
        """Not all engines respect `site:`."""
        if self.include_domains and not _below(host, self.include_domains):
            return False
        return not _below(host, self.exclude_domains)


def _below(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def found(title: str, url: str, text: str, score: float) -> Source:
    """A result, trimmed."""
    return Source(
        kind="web",
        title=_one_line(title, MAX_TITLE) or url,
        url=url,
        page=None,
        heading=None,
        position=None,
        score=score,
        text=_one_line(text, MAX_TEXT),
    )


def _one_line(text: str, limit: int) -> str:
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 2].rsplit(" ", 1)[0] + " …"

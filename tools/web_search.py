"""Searches the web: with Tavily if there is a key, otherwise with `ddgs`, which needs none."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.errors import ToolFailed, ToolRetry
from tools.kit import ToolKit
from tools.names import WEB_SEARCH
from tools.purpose import FirstCall, Fit, Purpose
from tools.question import Question, wants_web
from tools.results import Extras, Source, with_sources
from tools.web import ddgs_search, tavily_search
from tools.web.fetch import Fetcher
from tools.web.queries import Query, SearchError, TimeRange

DESCRIPTION = (
    "searches the web and returns titles, addresses and excerpts of pages. "
    "For what is newer than you know, or what you are not sure of. read_page reads one of the pages."
)
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)


def _domain(text: str) -> str:
    domain = text.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise ValueError("this is not a domain such as example.org")
    return domain


def _is_text(text: str) -> str:
    text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
    return text.strip()


def _listed(given: object) -> object:
    """Models send a single string where a list is expected."""
    return [part for part in re.split(r"[,\s]+", given) if part] if isinstance(given, str) else given


Domains = Annotated[list[Annotated[str, AfterValidator(_domain)]], BeforeValidator(_listed), Field(max_length=20)]


class WebSearchInput(BaseModel):
    """Input of `web_search`."""

    query: Annotated[str, AfterValidator(_is_text)] = Field(
        min_length=1, max_length=400, description="What to search for, as for a search engine."
    )
    max_results: int = Field(default=5, ge=1, le=20)
    depth: Literal["basic", "advanced"] = Field(
        default="basic", description="advanced finds more fitting excerpts and takes longer (Tavily only)"
    )
    topic: Literal["general", "news", "finance"] = "general"
    days: int | None = Field(default=None, ge=1, le=3650, description="nothing older than so many days")
    time_range: TimeRange | None = Field(default=None, description="nothing older; instead of days")
    include_domains: Domains = Field(default_factory=list, description="only these, as example.org")
    exclude_domains: Domains = Field(default_factory=list, description="none of these")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.days is not None and self.time_range is not None:
            raise ValueError("give days or time_range, not both")
        return self


INPUT: type[BaseModel] = WebSearchInput


def _fit(question: Question) -> Fit:
    return Fit.ASKED if wants_web(question.text) else Fit.NONE


def _first_call(question: Question) -> FirstCall:
    return FirstCall("I look it up on the web.", question.text)


PURPOSE = Purpose(kind="search", fit=_fit, first_call=_first_call, activity="Searching the web")


class WebSearch(AgentTool):
    """The observation is the numbered results; raises `ToolFailed` if there are none."""

    name: str = WEB_SEARCH
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    fetcher: Fetcher

    @override
    async def _arun(self, query: str, **options: Any) -> tuple[str, Extras]:
        asked = WebSearchInput(query=query, **options)
        engine = self._engine()
        try:
            sources = await self._ask(engine, _query(asked))
        except SearchError as error:
            raise ToolFailed(f"{error} Do without the web.") from error
        if not sources:
            raise ToolRetry(f"Nothing was found for {asked.query!r}. Use fewer or other words.")
        return with_sources("", sources, {"engine": engine, "query": asked.query})

    def _engine(self) -> str:
        settings = self.fetcher.settings
        if settings.search == "auto":
            return "tavily" if settings.tavily.api_key else "ddgs"
        if settings.search == "tavily" and not settings.tavily.api_key:
            raise ToolFailed("The web cannot be searched: TAVILY_API_KEY is not set. Do without the web.")
        return settings.search

    async def _ask(self, engine: str, query: Query) -> list[Source]:
        if engine == "tavily":
            return await tavily_search.search(query, self.fetcher.settings, await self.fetcher.tls())
        return await ddgs_search.search(query, self.fetcher.settings)


def _query(asked: WebSearchInput) -> Query:
    return Query(
        text=asked.query,
        max_results=asked.max_results,
        depth=asked.depth,
        topic=asked.topic,
        days=asked.days,
        time_range=asked.time_range,
        include_domains=tuple(asked.include_domains),
        exclude_domains=tuple(asked.exclude_domains),
    )


def build(kit: ToolKit) -> WebSearch:
    """The tool for one session."""
    return WebSearch(fetcher=kit.fetcher)

"""Search with Tavily's API."""

import asyncio
import datetime
import json
import ssl
from typing import Any, Never

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from tavily import AsyncTavilyClient
from tavily.errors import BadRequestError, ForbiddenError, InvalidAPIKeyError, UsageLimitExceededError
from tavily.errors import TimeoutError as TavilyTimeoutError

from tools.results import Source
from tools.web.queries import Query, SearchError, found
from tools.web.settings import WebSettings

MAX_REASON = 200
_UNREADABLE = (json.JSONDecodeError, UnicodeDecodeError, ValidationError, TypeError, AttributeError, LookupError)
"""What the client and this module raise if the response is unexpected."""


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")

    url: str
    title: str | None = None
    content: str | None = None
    score: float | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    results: list[_Result]


async def search(query: Query, settings: WebSettings, tls: ssl.SSLContext) -> list[Source]:
    """At most `query.max_results` sources, best first. Raises `SearchError`, whose message never contains the key."""
    try:
        async with asyncio.timeout(settings.timeout):
            answer = _Answer.model_validate(await _ask(query, settings, tls))
    except (TimeoutError, TavilyTimeoutError) as error:
        raise SearchError(f"The search did not respond within {settings.timeout:g} seconds.") from error
    except _UNREADABLE as error:
        raise SearchError("The search response cannot be parsed.") from error
    except httpx.HTTPStatusError as error:
        raise SearchError(f"The search service failed (status {error.response.status_code}).") from error
    except httpx.HTTPError as error:
        raise SearchError("The search service cannot be reached; the machine may have no internet access.") from error
    except (InvalidAPIKeyError, ForbiddenError, UsageLimitExceededError, BadRequestError) as error:
        _refused(error, settings)
    results = [result for result in answer.results if result.url.startswith(("http://", "https://"))]
    return [found(r.title or "", r.url, r.content or "", r.score or 0.0) for r in results[: query.max_results]]


async def _ask(query: Query, settings: WebSettings, tls: ssl.SSLContext) -> dict[str, Any]:
    async with httpx.AsyncClient(
        base_url=settings.tavily.base_url, verify=tls, proxy=settings.proxy, trust_env=False, timeout=settings.timeout
    ) as http:
        client = AsyncTavilyClient(
            settings.tavily.api_key.get_secret_value(), api_base_url=settings.tavily.base_url, client=http
        )
        arguments = query.for_tavily(datetime.datetime.now(datetime.UTC).date())
        answer: dict[str, Any] = await client.search(**arguments, timeout=settings.timeout)
        return answer


def _refused(error: Exception, settings: WebSettings) -> Never:
    said = str(error).replace(settings.tavily.api_key.get_secret_value(), "…")[:MAX_REASON]
    match error:
        case InvalidAPIKeyError():
            reason = "The search service's API key is invalid. The operator of this service has to set TAVILY_API_KEY."
        case UsageLimitExceededError():
            reason = "The search service received too many requests; try again later."
        case ForbiddenError():
            reason = (
                "The search service refused the request: the plan's limit is reached, or it does not allow this search."
            )
        case _:
            reason = f"The search service does not accept this search: {said}" if said else "It does not accept this."
    # The service's own message may repeat the key, and would be printed with the cause.
    raise SearchError(reason) from None

"""Settings of what looks outside."""

from dataclasses import dataclass, field
from typing import Literal

from workspace.settings import MIB

SearchWith = Literal["auto", "tavily", "ddgs"]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Whom to ask, how long to wait, how much to take."""

    search: SearchWith = "auto"
    """`auto`: Tavily when there is a key, else ddgs."""
    tavily_api_key: str = field(default="", repr=False)
    tavily_base_url: str = "https://api.tavily.com"
    timeout: float = 20.0
    """Seconds that one search, or one page with all its redirects, may take."""
    proxy: str | None = None
    """`http://host:port` through which everything goes out; the environment's proxies are never used."""
    ports: tuple[int, ...] = (80, 443)
    """Ports that may be fetched from."""
    private_hosts: tuple[str, ...] = ()
    """`host` or `host:port` that may be fetched although it is inside. Dangerous."""
    max_page_bytes: int = 8 * MIB
    """Largest page, as sent and again after decompression."""

"""Settings of web search and page fetching."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from tools.names import READ_PAGE, WEB_SEARCH
from workspace.settings import MIB
from workspace.settings_model import HttpUrl, SettingsModel

HostName = Annotated[str, AfterValidator(str.lower)]


class TavilySettings(SettingsModel):
    """Tavily, a search service."""

    api_key: SecretStr = SecretStr("")
    """Its API key."""
    base_url: HttpUrl = "https://api.tavily.com"
    """Its URL."""


class WebSettings(SettingsModel):
    """Web search, and fetching of pages."""

    search: Literal["auto", "tavily", "ddgs", "off"] = "auto"
    """`auto`: Tavily if there is a key, otherwise ddgs, which needs none. `tavily`, `ddgs`: only that one. `off`: no
    search.
    """
    read_pages: bool = True
    """Whether pages, and images that messages name by URL, may be fetched."""
    timeout: float = Field(default=20, gt=0, le=300)
    """Time limit for a search, or for a page with all its redirects, in seconds."""
    page_mb: int = Field(default=8, ge=1)
    """Maximum size of a page, in MB, before and after decompression."""
    ports: tuple[int, ...] = (80, 443)
    """Ports, separated by commas, that pages may be fetched from."""
    proxy: HttpUrl | None = None
    """Proxy for searches and pages, such as `http://host:port`. `HTTP_PROXY` and similar variables are never used."""
    allow_private_hosts: tuple[HostName, ...] = ()
    """Dangerous. Hosts of the internal network, such as `wiki.example` or `wiki.example:8080`, that may be fetched:
    anyone who can ask a question can then read from them.
    """
    tavily: TavilySettings = TavilySettings()

    @property
    def page_bytes(self) -> int:
        return self.page_mb * MIB

    @property
    def off(self) -> frozenset[str]:
        """Names of the disabled tools."""
        off = {WEB_SEARCH: self.search == "off", READ_PAGE: not self.read_pages}
        return frozenset(name for name, is_off in off.items() if is_off)

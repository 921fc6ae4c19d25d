"""Settings of web search and pages."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from tools.names import READ_PAGE, WEB_SEARCH
from workspace.settings import MIB
from workspace.settings_model import HttpUrl, SettingsModel

HostName = Annotated[str, AfterValidator(str.lower)]


class TavilySettings(SettingsModel):
    """Tavily, a search service."""

    api_key: SecretStr = SecretStr("")
    """Its key."""
    base_url: HttpUrl = "https://api.tavily.com"
    """Its address."""


class WebSettings(SettingsModel):
    """Web search, and the pages that may be fetched."""

    search: Literal["auto", "tavily", "ddgs", "off"] = "auto"
    """`auto`: Tavily if there is a key, else ddgs, which needs none. `tavily`, `ddgs`: that one. `off`: no search."""
    read_pages: bool = True
    """Whether pages, and images that messages name by URL, may be fetched."""
    timeout: float = Field(default=20, gt=0, le=300)
    """Seconds that one search, or one page with all its redirects, may take."""
    page_mb: int = Field(default=8, ge=1)
    """Size of the largest page, in MB, before and after decompression."""
    ports: tuple[int, ...] = (80, 443)
    """Ports, separated by commas, that pages may be fetched from."""
    proxy: HttpUrl | None = None
    """Proxy for searches and pages, as `http://host:port`. `HTTP_PROXY` and the like are never used."""
    allow_private_hosts: tuple[HostName, ...] = ()
    """Dangerous. Hosts of the internal network, such as `wiki.example` or `wiki.example:8080`, that may be fetched all
    the same: anyone who can ask a question can read from them."""
    tavily: TavilySettings = TavilySettings()

    @property
    def page_bytes(self) -> int:
        return self.page_mb * MIB

    @property
    def off(self) -> frozenset[str]:
        """Names of the tools that are turned off."""
        off = {WEB_SEARCH: self.search == "off", READ_PAGE: not self.read_pages}
        return frozenset(name for name, is_off in off.items() if is_off)

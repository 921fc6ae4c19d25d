"""What the tools may use: files, the web, eyes."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from api.settings.parsing import HttpUrl, empty_is_none, split
from tools import PRELOAD
from tools.names import READ_PAGE, WEB_SEARCH
from tools.vision.settings import VisionSettings
from tools.web.settings import WebSettings
from tools.workers.pool import WorkerSettings
from workspace.settings import MIB


class ToolSettings(BaseSettings):
    """Reading files, searching and reading the web, looking at images."""

    file_workers: int = Field(default=2, ge=1)
    """Files that are read at the same time, each in a process of its own."""
    file_read_seconds: float = Field(default=30, gt=0)
    """Time to find out what one file holds."""
    file_read_memory_mb: int = Field(default=1024, ge=64)
    """Memory that reading one file may take."""
    enable_file_metadata_cache: bool = True
    """Remember what files hold."""
    file_metadata_cache_ttl_hours: float = Field(default=24, gt=0)
    """For how long."""

    web_search: Literal["auto", "tavily", "ddgs", "off"] = "auto"
    """`auto`: Tavily when there is a key, else ddgs, which needs none; `off`: no tool to search with."""
    tavily_api_key: SecretStr = SecretStr("")
    tavily_base_url: HttpUrl = "https://api.tavily.com"
    web_read_pages: bool = True
    """May pages, and images that messages name by their address, be fetched?"""
    web_timeout: float = Field(default=20, gt=0, le=300)
    """Seconds that one search, or one page with all its redirects, may take."""
    web_page_mb: int = Field(default=8, ge=1)
    """Largest page, as sent and again after decompression."""
    web_ports: Annotated[tuple[int, ...], NoDecode, split] = (80, 443)
    """Ports that pages are fetched from."""
    web_proxy: Annotated[HttpUrl | None, empty_is_none] = None
    """Through which searches and pages go out; the environment's own proxies are never used."""
    web_allow_private_hosts: Annotated[tuple[str, ...], NoDecode, split] = ()
    """`host` or `host:port` that may be fetched although it is inside. Dangerous: anybody who can ask a question can
    then read from it."""
    vision_max_side: int = Field(default=1280, ge=64, le=8192)
    """Pixels of the longer side of what a vision model is shown."""
    vision_timeout: float = Field(default=120, gt=0)
    """Seconds that a vision model may take for one answer."""

    def workers(self, *, preload: bool) -> WorkerSettings:
        """Without `preload` each worker imports what it needs, which suits short lives."""
        return WorkerSettings(
            count=self.file_workers,
            seconds=self.file_read_seconds,
            memory=self.file_read_memory_mb * MIB,
            preload=PRELOAD if preload else (),
        )

    def web(self) -> WebSettings:
        return WebSettings(
            search="auto" if self.web_search == "off" else self.web_search,
            tavily_api_key=self.tavily_api_key.get_secret_value(),
            tavily_base_url=self.tavily_base_url,
            timeout=self.web_timeout,
            proxy=self.web_proxy,
            ports=self.web_ports,
            private_hosts=tuple(host.lower() for host in self.web_allow_private_hosts),
            max_page_bytes=self.web_page_mb * MIB,
        )

    def vision(self) -> VisionSettings:
        return VisionSettings(max_side=self.vision_max_side, timeout=self.vision_timeout)

    @property
    def tools_off(self) -> frozenset[str]:
        """Names of the tools that are turned off."""
        off = {WEB_SEARCH: self.web_search == "off", READ_PAGE: not self.web_read_pages}
        return frozenset(name for name, is_off in off.items() if is_off)

"""Settings of the log, and of the requests that are accepted."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from workspace.settings import MIB
from workspace.settings_model import AbsolutePath, SettingsModel


def _networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        ipaddress.ip_network(address)  # its ValueError says what is wrong
    return addresses


class LogSettings(SettingsModel):
    """The log, which goes to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`."""
    format: Literal["text", "json"] = "text"
    """`text`, or `json`: one object per line."""
    file: AbsolutePath | None = None
    """A file to write the log to as well."""


class RequestSettings(SettingsModel):
    """Which requests are accepted."""

    allowed_hosts: tuple[str, ...] = ()
    """Host names, separated by commas, that requests may use; `*.example.org` is every name below it. Empty: any name
    if a login is required, else only the names of this machine."""
    cors_origins: tuple[str, ...] = ()
    """Origins, separated by commas, whose web pages may call the service. Empty: none."""
    trusted_proxies: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted."""
    max_body_mb: int = Field(default=80, ge=1)
    """Size of the largest request, in MB."""

    @property
    def max_body_bytes(self) -> int:
        return self.max_body_mb * MIB

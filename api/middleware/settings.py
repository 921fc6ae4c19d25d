"""Settings of the log and of the accepted requests."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from workspace.settings import MIB
from workspace.settings_model import AbsolutePath, SettingsModel


def _networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        ipaddress.ip_network(address)  # its ValueError explains the problem
    return addresses


class LogSettings(SettingsModel):
    """The log, which goes to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`."""
    format: Literal["text", "json"] = "text"
    """`text`, or `json`: one object per line."""
    file: AbsolutePath | None = None
    """A file that the log is also written to."""


class RequestSettings(SettingsModel):
    """Which requests are accepted."""

    allowed_hosts: tuple[str, ...] = ()
    """Host names, separated by commas, that requests may use; `*.example.org` matches all its subdomains. Empty: any
    name if a login is required, otherwise only the names of this machine.
    """
    cors_origins: tuple[str, ...] = ()
    """Origins, separated by commas, whose web pages may call the service. Empty: none."""
    trusted_proxies: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted."""
    max_body_mb: int = Field(default=80, ge=1)
    """Maximum size of a request, in MB."""

    @property
    def max_body_bytes(self) -> int:
        return self.max_body_mb * MIB

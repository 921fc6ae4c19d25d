"""Settings of the HTTP server."""

import ipaddress

from pydantic import Field

from workspace.settings_model import SettingsModel

DEFAULT_PORT = 1007
UNPRIVILEGED_PORT = 8007
"""Used instead of the default port where only root may open it."""


class ServerSettings(SettingsModel):
    """Where the service listens."""

    host: str = "127.0.0.1"
    """Address to listen on. With any non-loopback address, `AUTH_REQUIRED=auto` requires a login."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """Port. Empty: 1007, or 8007 if the user may not open ports below 1024. 0: any free port."""

    @property
    def loopback(self) -> bool:
        """Whether the service listens only on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

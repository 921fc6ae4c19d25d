"""Settings of the HTTP server."""

import ipaddress

from pydantic import Field

from workspace.settings_model import SettingsModel


class ServerSettings(SettingsModel):
    """Where the service listens."""

    host: str = "127.0.0.1"
    """Address to listen on. With any non-loopback address, `AUTH_REQUIRED=auto` requires a login."""
    port: int = Field(default=1007, ge=0, le=65535)
    """Port. 0: any free port."""

    @property
    def loopback(self) -> bool:
        """Whether the service listens only on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

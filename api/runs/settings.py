"""Settings of runs."""

from typing import Literal

from pydantic import Field

from workspace.settings_model import SettingsModel

RunPolicy = Literal["reject", "enqueue", "interrupt"]


class RunSettings(SettingsModel):
    """What happens to a request for a session that is still answering."""

    policy: RunPolicy = "reject"
    """`reject`: 409. `enqueue`: wait for the current answer. `interrupt`: stop it. A request's `X-Run-Policy` overrides
    this.
    """
    queue_seconds: float = Field(default=60, ge=0)
    """How long a request waits for the current answer before it gets a 409, in seconds."""
    lease_seconds: float = Field(default=30, ge=1)
    """How long a session stays locked after its process has crashed, in seconds."""
    keepalive_seconds: float = Field(default=15, gt=0)
    """Seconds between the comments that keep an idle stream open."""

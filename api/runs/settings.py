"""Settings of runs."""

from typing import Literal

from pydantic import Field

from workspace.settings_model import SettingsModel

RunPolicy = Literal["reject", "enqueue", "interrupt"]


class RunSettings(SettingsModel):
    """What happens when a request arrives for a session that is still answering."""

    policy: RunPolicy = "reject"
    """`reject`: 409. `enqueue`: wait for the current answer. `interrupt`: end it. A request's `X-Run-Policy` wins."""
    queue_seconds: float = Field(default=60, ge=0)
    """How long a request waits for the current answer before it gets 409."""
    lease_seconds: float = Field(default=30, ge=1)
    """How long a session stays locked after the process that was answering has crashed."""

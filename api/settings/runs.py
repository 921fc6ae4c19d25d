"""What happens when a session is asked while it answers."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

RunPolicy = Literal["reject", "enqueue", "interrupt"]


class RunSettings(BaseSettings):
    """One run at a time in a session, and how its answer is told."""

    public_url: str = ""
    """How clients reach the service, for links in answers; empty: as the request says."""
    image_link_hours: float = Field(default=24, ge=0, le=24 * 366)
    """Answers link to the images that the agent made, for so long; 0: they do not."""

    run_policy: RunPolicy = "reject"
    """For requests without `X-Run-Policy`: 409, wait for the answer under way, or end it."""
    run_queue_seconds: float = Field(default=60, ge=0)
    """So long a request waits for the one before, then it gets 409."""
    run_lease_seconds: float = Field(default=30, ge=1)
    """A session that a crashed process was answering is free after so long."""

"""Reasons for stopping runs from outside, and the errors that their clients get."""

from api.errors import ApiError
from llm.errors import BackendStoppedError

CANCELLED, INTERRUPTED, LOST, SHUTDOWN = "cancelled", "interrupted", "lost", "shutdown"

# OpenAI's clients retry a 409 unless told not to.
FINAL = {"X-Should-Retry": "false"}


def stopped(why: str) -> Exception:
    """The error for a run that was stopped for this reason."""
    match why:
        case "cancelled":
            return ApiError(409, "This answer was cancelled.", code="run_cancelled", headers=FINAL)
        case "interrupted":
            text = "This answer was stopped because another message arrived."
            return ApiError(409, text, code="run_interrupted", headers=FINAL)
        case "lost":
            text = "The service stalled for so long that another process has taken over this session."
            return ApiError(503, text, kind="service_unavailable", code="session_lost")
        case _:
            return BackendStoppedError("The service is shutting down; ask again in a moment.")

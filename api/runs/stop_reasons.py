"""Why runs are ended from outside, and what their clients are told."""

from api.errors import ApiError
from llm.errors import BackendStoppedError

CANCELLED, INTERRUPTED, LOST, SHUTDOWN = "cancelled", "interrupted", "lost", "shutdown"

# Clients of OpenAI's own make try a 409 again unless they are told not to.
FINAL = {"X-Should-Retry": "false"}


def stopped(why: str) -> Exception:
    """The error of a run that was ended for this reason."""
    match why:
        case "cancelled":
            return ApiError(409, "This answer was cancelled.", code="run_cancelled", headers=FINAL)
        case "interrupted":
            text = "This answer was ended because another message came."
            return ApiError(409, text, code="run_interrupted", headers=FINAL)
        case "lost":
            text = "The service was held up for so long that another process has taken over this session."
            return ApiError(503, text, kind="service_unavailable", code="session_lost")
        case _:
            return BackendStoppedError("The service is shutting down; ask again in a moment.")

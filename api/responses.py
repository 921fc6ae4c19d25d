"""What routes answer when they do not answer: the errors, as the OpenAPI document has them."""

from typing import Any

from pydantic import BaseModel, Field

MEANINGS = {
    400: "The request cannot be understood; `param` names the field.",
    401: "No valid token or key, where one is required.",
    403: "Not with this role, or not from there.",
    404: "There is no such thing, or it is somebody else's.",
    405: "Not with this method.",
    409: "It is taken, or busy.",
    413: "Larger than the limit.",
    415: "Not in this format.",
    416: "There are no such bytes.",
    429: "Beyond a limit; `Retry-After` says when to come again.",
    503: "Not able to at the moment.",
}


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """OpenAI's shape."""

    error: ErrorDetail = Field(description="what went wrong, in words")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may answer with these errors."""
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in statuses}

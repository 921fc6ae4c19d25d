"""Corrects the generated OpenAPI document where the service differs from FastAPI's defaults."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from checkpoints.sessions import EXTERNAL_ID

ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
EVERYWHERE = {403}
"""A foreign host or web page may be refused on every route."""
WITH_A_USER = {401, 429}
WITH_A_BODY = {400, 408, 413, 507}


def describe(app: FastAPI) -> None:
    """Replace `app.openapi`: a 422 becomes a 400, and the errors of the middleware are added to every route."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _correct(operation)
                    _lift(operation, document["components"]["schemas"])
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def request_body(model: type[BaseModel], others: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body of a route that reads it by itself: JSON, or one of the `others`, by media type."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"required": True, "content": {"application/json": {"schema": schema}, **(others or {})}}


def _lift(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move the definitions nested in bodies that routes describe themselves to the shared components."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schemas |= media.get("schema", {}).pop("$defs", {})


def _correct(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    expected = set(EVERYWHERE)
    if responses.pop("422", None) is not None:
        expected.add(400)
    if "security" in operation:
        expected |= WITH_A_USER
    if "requestBody" in operation:
        expected |= WITH_A_BODY
    for status in sorted(expected):
        responses.setdefault(str(status), {"description": MEANINGS[status], "content": ERROR})


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error in OpenAI's format."""

    error: ErrorDetail


MEANINGS = {
    400: "The request is invalid; `param` names the field.",
    401: "A valid token or API key is required.",
    403: "The role or the origin of the request does not allow this.",
    404: "It does not exist or belongs to another user.",
    408: "The request made no progress.",
    409: "The request conflicts with another one; try again.",
    410: "It is no longer kept.",
    413: "Too large, too many, or no storage left.",
    415: "The content type is not supported.",
    416: "The range is outside the file.",
    429: "A limit was exceeded; wait as long as `Retry-After` says.",
    503: "The service is temporarily unavailable.",
    507: "The service's disk is full.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for these status codes."""
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in statuses}


def binary(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for a 200 whose body is a file."""
    return {200: {"description": "The file", "content": dict.fromkeys(kinds, _BYTES)}}


_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


_KINDS = ("application/octet-stream", "image/png", "image/jpeg", "image/gif", "image/webp")


DOWNLOAD: dict[int | str, dict[str, Any]] = {
    **binary(*_KINDS),
    206: {
        "description": "Part of the file",
        "content": dict.fromkeys((*_KINDS, "multipart/byteranges"), _BYTES),
    },
    **errors(404, 416),
}


RUN_HEADERS: list[dict[str, Any]] = [
    {
        "name": "X-Run-Policy",
        "in": "header",
        "description": "what to do if the session is answering another message; default: RUN_POLICY",
        "schema": {"type": "string", "enum": ["reject", "enqueue", "interrupt"]},
    },
    {
        "name": "X-Session-ID",
        "in": "header",
        "description": "your own ID of the session, which the first request with it creates; the field `session_id`"
        " takes precedence",
        "schema": {"type": "string", "pattern": f"^{EXTERNAL_ID.pattern}$"},
    },
]
"""Headers of the requests that start a run."""

"""The OpenAPI document, made true: what FastAPI supposes and this service does otherwise is put right."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from workspace.workspaces import SESSION_ID

ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
EVERYWHERE = {403}
"""The host or the page that asks may be refused."""
WITH_A_USER = {401, 429}
WITH_A_BODY = {400, 408, 413}


def describe(app: FastAPI) -> None:
    """Replace `app.openapi`: FastAPI's 422 is our 400, and every route may answer with the errors of the layers."""
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


def _lift(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Bodies that a route describes itself bring their own definitions, which are looked for among all."""
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
    """Every error has OpenAI's shape."""

    error: ErrorDetail


MEANINGS = {
    400: "The request is not understood; `param` names the field.",
    401: "No valid token or key, where one is required.",
    403: "Not with this role, or not from there.",
    404: "There is no such thing, or it is somebody else's.",
    408: "The request made no progress.",
    409: "Somebody else was faster; try again.",
    410: "It is not kept any more.",
    413: "Too large, too many, or no room left.",
    415: "Another content type is needed.",
    416: "The range lies outside the file.",
    429: "Too much at once; wait for as long as `Retry-After` says.",
    503: "The service cannot do it now.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for these statuses."""
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in statuses}


def binary(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for a 200 whose body is a file."""
    return {200: {"description": "The file", "content": dict.fromkeys(kinds, _BYTES)}}


_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


_KINDS = ("application/octet-stream", "image/png", "image/jpeg", "image/gif", "image/webp")


DOWNLOAD: dict[int | str, dict[str, Any]] = {
    **binary(*_KINDS),
    206: {
        "description": "A part of the file",
        "content": dict.fromkeys((*_KINDS, "multipart/byteranges"), _BYTES),
    },
    **errors(404, 416),
}


RUN_HEADERS: list[dict[str, Any]] = [
    {
        "name": "X-Run-Policy",
        "in": "header",
        "description": "what to do while the session answers another message; RUN_POLICY when left out",
        "schema": {"type": "string", "enum": ["reject", "enqueue", "interrupt"]},
    },
    {
        "name": "X-Session-ID",
        "in": "header",
        "description": "the session to go on in; the field `session_id` counts before it",
        "schema": {"type": "string", "pattern": f"^{SESSION_ID.pattern}$"},
    },
]
"""Of the requests that start a run."""

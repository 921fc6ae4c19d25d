"""The OpenAPI document, made true: what FastAPI supposes and this service does otherwise is put right."""

from typing import Any

from fastapi import FastAPI

from api.documented import MEANINGS

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

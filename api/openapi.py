"""The OpenAPI document, made true: what FastAPI supposes and this service does otherwise is put right."""

from typing import Any

from fastapi import FastAPI

from api.responses import MEANINGS

ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}


def describe(app: FastAPI) -> None:
    """Replace `app.openapi`. FastAPI's 422 is our 400; every route may be refused for its host or its size."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _correct(operation)
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _correct(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    expected = {"403": MEANINGS[403]}
    if responses.pop("422", None) is not None:
        expected["400"] = MEANINGS[400]
    if "requestBody" in operation:
        expected |= {"400": MEANINGS[400], "413": MEANINGS[413]}
    for status, meaning in expected.items():
        responses.setdefault(status, {"description": meaning, "content": ERROR})

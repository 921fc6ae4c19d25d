"""Reads request bodies. Middleware limits their size and pace."""

from typing import Any

from fastapi import Request

from api.errors import bad_request
from api.files.json_body import JsonParser


async def read_object(request: Request, parser: JsonParser) -> dict[str, Any]:
    """The body as a JSON object. Raises 400, 408, 413 or 429."""
    if content_type(request) not in ("application/json", ""):
        raise bad_request("Send application/json or multipart/form-data.", code="unsupported_media_type")
    fields = await parser.parse(await request.body())
    if not isinstance(fields, dict):
        raise bad_request("The body must be a JSON object.")
    return fields


def content_type(request: Request) -> str:
    """The media type, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()

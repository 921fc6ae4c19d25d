"""Reads request bodies, with a minimum speed."""

import json
import time
from asyncio import timeout
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request

from api.errors import ApiError, bad_request

MIN_PROGRESS = 1024
"""Bytes that must arrive in the allowed time, so that sending single bytes does not count as progress."""


async def paced(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """The body's chunks. Raises 408 if it makes no progress for `seconds`, not counting the service's own
    processing.
    """
    stream = aiter(request.stream())
    left, arrived = seconds, 0
    while True:
        began = time.monotonic()
        try:
            async with timeout(left):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ApiError(
                408,
                f"The request made no progress for {seconds:g} seconds.",
                code="upload_timeout",
                headers={"Connection": "close"},
            ) from error
        left -= time.monotonic() - began
        arrived += len(chunk)
        if arrived >= MIN_PROGRESS:
            left, arrived = seconds, 0
        yield chunk


async def read_whole(request: Request, seconds: float) -> bytes:
    """The body of a request without files; middleware limits its size."""
    return b"".join([chunk async for chunk in paced(request, seconds)])


async def read_object(request: Request, seconds: float) -> dict[str, Any]:
    """The body as a JSON object. Raises 400, 408 or 413."""
    if content_type(request) not in ("application/json", ""):
        raise bad_request("Send application/json or multipart/form-data.", code="unsupported_media_type")
    body = await read_whole(request, seconds)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise bad_request("The body must be a JSON object.")
    return fields


def content_type(request: Request) -> str:
    """The media type, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()

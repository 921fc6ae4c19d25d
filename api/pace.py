"""A body read at the client's pace, but not at any pace."""

import time
from asyncio import timeout
from collections.abc import AsyncIterator

from fastapi import Request

from api.errors import ApiError

MIN_PROGRESS = 1024
"""Bytes that have to arrive in the time allowed, so that a byte now and then is no progress."""


async def paced(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """The body's chunks. Raises 408 when it makes no progress for `seconds`; our own work does not count."""
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
    """The body of a request that is no form; the guards bound its size."""
    return b"".join([chunk async for chunk in paced(request, seconds)])

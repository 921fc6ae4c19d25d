"""Streams an uploaded file to disk: complete under its final name, or not at all."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from workspace.errors import FileTooLargeError
from workspace.folder import FileInfo, file_info, give_to_owner
from workspace.names import free_name
from workspace.settings import MIB
from workspace.threads import made_in_thread


async def store(folder: Path, label: str, chunks: AsyncIterator[bytes], limit: int) -> FileInfo:
    """Write `chunks` under a safe, free name like `label`. Raises `FileTooLargeError` beyond `limit` bytes."""
    partial = folder / f".upload-{secrets.token_hex(8)}"
    try:
        size = 0
        with await made_in_thread(lambda: partial.open("xb"), _remove) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise FileTooLargeError(f"The file {label!r} exceeds the limit of {limit // MIB} MB.")
                await asyncio.to_thread(file.write, chunk)
        name = await asyncio.to_thread(put_in_place, folder, partial, label)
    finally:
        await asyncio.to_thread(partial.unlink, missing_ok=True)
    return await asyncio.to_thread(file_info, folder, name)


def _remove(file: BinaryIO) -> None:
    file.close()
    Path(file.name).unlink(missing_ok=True)


def put_in_place(folder: Path, partial: Path, label: str) -> str:
    """Move `partial` to a safe, free name like `label`; returns the name."""
    name = free_name(folder, label)
    with partial.open("rb") as file:
        give_to_owner(file.fileno(), folder)
    partial.rename(folder / name)
    return name

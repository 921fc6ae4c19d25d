"""Streams an uploaded file to disk: complete under its final name, or not at all."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from workspace.errors import FileTooLargeError
from workspace.folder import FileInfo, file_info, give_to_owner
from workspace.names import free_name, safe_name
from workspace.safe_open import open_inside
from workspace.settings import MIB
from workspace.threads import made_in_thread


async def store(folder: Path, label: str, chunks: AsyncIterator[bytes], limit: int, scratch: Path) -> FileInfo:
    """Write `chunks` under a safe, free name like `label`, by way of `scratch`, a folder on the same disk.

    Raises `FileTooLargeError` beyond `limit` bytes.
    """
    partial = scratch / secrets.token_hex(8)
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


def without_copy(folder: Path, name: str, label: str) -> str:
    """The file's name; of a copy of the older file named `label`, the name of that one, and the copy is deleted."""
    original = safe_name(label)
    if original == name:
        return name
    try:
        with open_inside(folder, original) as one, open_inside(folder, name) as other:
            same = _is_same(one, other)
    except FileNotFoundError:
        return name
    if same:
        (folder / name).unlink(missing_ok=True)
    return original if same else name


def _is_same(one: BinaryIO, other: BinaryIO) -> bool:
    if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
        return False
    while piece := one.read(MIB):
        if piece != other.read(MIB):
            return False
    return not other.read(1)


def put_in_place(folder: Path, partial: Path, label: str) -> str:
    """Move `partial` to a safe, free name like `label`; returns the name."""
    name = free_name(folder, label)
    with partial.open("rb") as file:
        give_to_owner(file.fileno(), folder)
    partial.rename(folder / name)
    return name

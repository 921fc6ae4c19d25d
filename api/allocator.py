"""Makes the C library return memory to the system. Only glibc keeps what it should not; elsewhere nothing happens."""

import ctypes
from collections.abc import Callable

M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 1 << 20


def return_large_blocks() -> None:
    """Return every block of 1 MB and more when it is freed.

    By default, freeing one large block raises the size from which glibc does so up to 32 MB, and after a few large
    requests it keeps hundreds of MB.
    """
    _call("mallopt", M_MMAP_THRESHOLD, LARGE_BLOCK)


def trim() -> None:
    """Return what is free between smaller blocks. Blocks for some milliseconds, without Python's lock."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)

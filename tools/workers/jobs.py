"""Messages between the service and its workers."""

import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any

from typing_extensions import override

STATUS = struct.Struct("!i")
"""An exit status; negative for the signal that ended the process."""
READY = b"r"
"""Sent by the fork server once its libraries are loaded."""
OURS = frozenset(("tools", "workspace"))
"""Packages whose dataclasses, enums and declared errors a worker may send."""
_PLAIN = {
    "builtins": {"set", "frozenset", "bytearray", "complex"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "pathlib": {"PosixPath"},
}


class JobError(Exception):
    """An error that a job's function raises for its caller. Subclasses take the message as their only argument."""


@dataclass(frozen=True, slots=True)
class Job:
    """A worker's task and its limits."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    seconds: float
    memory: int
    """Bytes in addition to the loaded libraries."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A worker's result: a value, a declared error, or why there is neither."""

    value: Any = None
    error: JobError | None = None
    out_of_memory: bool = False
    failed: str = ""
    """An undeclared exception: its type, message and location."""


def read_answer(data: bytes, packages: frozenset[str] = OURS) -> Answer:
    """Parse a worker's result. The worker may have been taken over by the file it reads, so only plain values,
    dataclasses, enums and declared errors of `packages` are constructed. Raises `pickle.UnpicklingError`, or what a
    malformed pickle raises: `ValueError`, `TypeError`, `AttributeError`, `LookupError`, `EOFError`, `ImportError`.
    """
    answer = _Careful(data, packages).load()
    if not isinstance(answer, Answer):
        raise pickle.UnpicklingError("this is not an answer")
    return answer


class _Careful(pickle.Unpickler):
    def __init__(self, data: bytes, packages: frozenset[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._packages = packages

    @override
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module.partition(".")[0] in self._packages and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module and _only_data(found):
                return found
        raise pickle.UnpicklingError(f"a worker may not send a {module}.{name}")


def _only_data(kind: type) -> bool:
    return is_dataclass(kind) or issubclass(kind, JobError | Enum)

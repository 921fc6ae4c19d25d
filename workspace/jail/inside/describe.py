"""Type, shape and size of a variable, without running code of the session's own classes."""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..text import whole
from ..variables import Variable

_ARRAYS = {"numpy", "pandas", "scipy", "torch", "polars"}
_SCALARS = (int, float, complex, bool, str, type(None))
_DETAIL = 250
_COLUMNS = 25
_CONTAINERS = (str, bytes, bytearray, list, tuple, dict, set, frozenset)
# IPython's own: `_`, `__`, `_1`, `_i`, `_i1`, `_ih`, `_oh`, `_dh`, `_exit_code`.
_IPYTHONS = re.compile(r"_+|_i+|_i?\d+|_[iod]h|_exit_code|__\w*__")


def own_names(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> Iterator[str]:
    """The names defined by the session's code; `hidden` are those defined by IPython."""
    for name, value in namespace.items():
        if not _IPYTHONS.fullmatch(name) and not (name in hidden and hidden[name] is value):
            yield name


def describe(name: str, value: object, *, kept: bool, reason: str = "") -> Variable:
    """One entry of a list of variables."""
    return Variable(
        whole(name[:300]), type(value).__name__, _shape(value), _size(value), _detail(value), kept, whole(reason[:300])
    )


def _is_array(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in _ARRAYS


def _shape(value: object) -> str:
    if _is_array(value) and isinstance(shape := getattr(value, "shape", None), tuple):
        return str(tuple(int(length) for length in shape))
    return str(len(value)) if type(value) in _CONTAINERS else ""  # type: ignore[arg-type]


def _detail(value: object) -> str:
    if type(value) in _SCALARS:
        return repr(value)[:_DETAIL]
    columns = getattr(value, "columns", None) if type(value).__module__.partition(".")[0] == "pandas" else None
    if columns is None:
        return ""
    names = ", ".join(repr(str(name)) for name in columns[:_COLUMNS])
    return f"columns {names}"[:_DETAIL]


def _size(value: object) -> int:
    if _is_array(value):
        usage = getattr(value, "memory_usage", None)
        if callable(usage) and hasattr(value, "dtypes"):
            total = usage()
            return int(total if isinstance(total, int) else total.sum())
        if isinstance(size := getattr(value, "nbytes", None), int):
            return size
    return sys.getsizeof(value) if type(value) in _CONTAINERS or type(value).__module__ == "builtins" else 0

"""Pickles single variables and keeps their references to other variables.

Plain cloudpickle would be wrong here: a one-line function that reads the global `df` would include all of `df` and,
when restored, use that copy instead of the session's variable. So another variable inside a variable becomes a
reference by name, and the session's functions are bound to the session's namespace again.
"""

import functools
import importlib
import io
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

# Values whose identity does not matter: equal ones may be the same object by chance.
PLAIN = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented))


class TooLarge(Exception):  # noqa: N818  reads as a reason, which it becomes
    """The variable exceeds the size limit."""


@dataclass(frozen=True)
class Pickled:
    """One or more variables as bytes."""

    data: memoryview
    buffers: list[memoryview]
    """Contents of arrays, not copied."""

    references: frozenset[str]
    """Other variables that it refers to."""

    @property
    def size(self) -> int:
        """Total size in bytes."""
        return self.data.nbytes + sum(buffer.nbytes for buffer in self.buffers)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(
        self,
        file: io.BytesIO,
        namespace: dict[str, Any],
        others: Mapping[int, str],
        take: Callable[[pickle.PickleBuffer], None],
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=take)
        self._namespace = namespace
        self._others = others
        self.references: set[str] = set()

    def persistent_id(self, value: object) -> tuple[str, ...] | None:
        if value is self._namespace:
            return ("namespace",)
        if (name := self._others.get(id(value))) is not None:
            self.references.add(name)
            return ("variable", name)
        if isinstance(value, types.ModuleType) and getattr(value, "__spec__", None):
            return ("module", value.__name__)
        return None

    def reducer_override(self, value: object) -> Any:
        if type(value) is types.FunctionType and value.__globals__ is self._namespace:
            make, arguments, (attributes, slots), *rest = self._dynamic_function_reduce(value)
            code, _, *others = arguments
            slots.update(__globals__={}, _cloudpickle_submodules=[])
            return (make, (code, self._namespace, *others), (attributes, slots), *rest)
        if isinstance(value, functools._lru_cache_wrapper) and value.__module__ == "__main__":
            # It would be pickled as a name to import, but the session's module is a new one after a restore.
            return (_cache_again, (value.__wrapped__, value.cache_parameters()))
        return super().reducer_override(value)


def _cache_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def dump(names: frozenset[str], namespace: dict[str, Any], owners: Mapping[int, str], limit: int) -> Pickled:
    """Pickle the variables `names` together.

    `owners` maps an object's `id` to its variable. Raises TooLarge above `limit` bytes, and whatever the objects' own
    pickling raises.
    """
    buffers: list[memoryview] = []
    taken = 0

    def take(buffer: pickle.PickleBuffer) -> None:
        nonlocal taken
        view = buffer.raw()
        taken += view.nbytes
        if taken > limit:
            raise TooLarge
        buffers.append(view)

    file = io.BytesIO()
    others = {key: name for key, name in owners.items() if name not in names}
    pickler = _Pickler(file, namespace, others, take)
    pickler.dump({name: namespace[name] for name in sorted(names)})
    pickled = Pickled(file.getbuffer(), buffers, frozenset(pickler.references))
    if pickled.size > limit:
        raise TooLarge
    return pickled


class Unpickler(pickle.Unpickler):
    """Reads what `dump` wrote; `find` returns another variable by name."""

    def __init__(self, data: Any, buffers: list[Any], namespace: dict[str, Any], find: Callable[[str], Any]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._namespace = namespace
        self._find = find

    def persistent_load(self, pid: Any) -> Any:
        """Resolve a reference of `persistent_id`."""
        match pid:
            case ("namespace",):
                return self._namespace
            case ("module", str(name)):
                return importlib.import_module(name)
            case ("variable", str(name)):
                return self._find(name)
        raise pickle.UnpicklingError(f"unknown reference {pid!r}")

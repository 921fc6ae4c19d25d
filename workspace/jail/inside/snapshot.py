"""Saves and restores a session's variables. Runs in the kernel; the store belongs to the server."""

import importlib
import json
import types
from collections.abc import Mapping
from typing import Any, Protocol

from ..variables import Report
from . import describe, pickling


class Store(Protocol):
    """Stores bytes by their digest."""

    def put(self, data: memoryview) -> str:
        """Store `data` unless it is already stored; returns its digest in hexadecimal."""

    def get(self, digest: str) -> Any:
        """The bytes as an object with the buffer interface, writable if it is large."""


class Save:
    """One pass over the namespace. `manifest` and `report` are complete after `run`."""

    def __init__(self, namespace: dict[str, Any], hidden: Mapping[str, Any], store: Store) -> None:
        self._namespace = namespace
        self._names = list(describe.own_names(namespace, hidden))
        self._store = store
        self._lost: dict[str, str] = {}
        self._entries: dict[str, dict[str, str]] = {}
        self._groups: dict[str, dict[str, Any]] = {}

    def run(self, variable_limit: int, total_limit: int) -> None:
        """Pickle every variable separately, cycles of variables together, and store what changed."""
        self._limit = variable_limit
        objects = self._set_aside_modules_and_aliases()
        self._owners = {
            id(self._namespace[n]): n for n in objects if not isinstance(self._namespace[n], pickling.PLAIN)
        }
        pickled = {name: p for name in objects if (p := self._try_to_pickle(frozenset({name}))) is not None}
        groups = self._join_cycles(pickled)
        self._lose_what_refers_to_lost(groups)
        self._store_within(total_limit, groups)
        for name, entry in list(self._entries.items()):
            if entry["kind"] == "alias" and entry["of"] in self._lost:
                self._lost[name] = f"the same object as {entry['of']}, which cannot be kept"

    @property
    def manifest(self) -> bytes:
        """What `restore` needs in addition to the blobs."""
        entries = {name: entry for name, entry in self._entries.items() if name not in self._lost}
        return json.dumps({"variables": entries, "groups": self._groups}).encode()

    @property
    def report(self) -> Report:
        """Every variable, saved or not."""
        return Report(
            tuple(
                describe.describe(n, self._namespace[n], kept=n not in self._lost, reason=self._lost.get(n, ""))
                for n in self._names
            )
        )

    def _set_aside_modules_and_aliases(self) -> list[str]:
        first: dict[int, str] = {}
        objects = []
        for name in self._names:
            value = self._namespace[name]
            if isinstance(value, types.ModuleType):
                self._entries[name] = {"kind": "module", "module": value.__name__}
            elif not isinstance(value, pickling.PLAIN) and id(value) in first:
                self._entries[name] = {"kind": "alias", "of": first[id(value)]}
            else:
                first[id(value)] = name
                objects.append(name)
        return objects

    def _try_to_pickle(self, names: frozenset[str]) -> pickling.Pickled | None:
        try:
            return pickling.dump(names, self._namespace, self._owners, self._limit)
        except pickling.TooLarge:
            reason = f"larger than {self._limit >> 20} MB"
        except Exception as error:  # noqa: BLE001  the session's own classes decide what pickling them raises
            reason = f"{type(error).__name__}: {error}"
        self._lost.update(dict.fromkeys(names, reason))
        return None

    def _join_cycles(self, pickled: dict[str, pickling.Pickled]) -> dict[frozenset[str], pickling.Pickled]:
        reachable = {name: _reach(name, pickled) for name in pickled}
        groups: dict[frozenset[str], pickling.Pickled] = {}
        for name, single in pickled.items():
            group = frozenset({name} | {other for other in reachable[name] if name in reachable[other]})
            if group not in groups:
                joined = single if len(group) == 1 else self._try_to_pickle(group)
                if joined is not None:
                    groups[group] = joined
        return groups

    def _lose_what_refers_to_lost(self, groups: dict[frozenset[str], pickling.Pickled]) -> None:
        changed = True
        while changed:
            changed = False
            for names, pickled in list(groups.items()):
                if missing := pickled.references & self._lost.keys():
                    reason = f"refers to {min(missing)}, which cannot be kept"
                    self._lost.update(dict.fromkeys(names, reason))
                    del groups[names]
                    changed = True

    def _store_within(self, total_limit: int, groups: dict[frozenset[str], pickling.Pickled]) -> None:
        total = 0
        for names, pickled in list(groups.items()):
            total += pickled.size
            if total > total_limit:
                total -= pickled.size
                self._lost.update(dict.fromkeys(names, f"all variables together exceed {total_limit >> 20} MB"))
                del groups[names]
        self._lose_what_refers_to_lost(groups)
        for names, pickled in groups.items():
            group = min(names)
            blobs = [self._store.put(buffer) for buffer in pickled.buffers]
            self._groups[group] = {"pickle": self._store.put(pickled.data), "buffers": blobs}
            self._entries.update({name: {"kind": "object", "group": group} for name in names})


def _reach(start: str, pickled: Mapping[str, pickling.Pickled]) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for name in pickled[ahead.pop()].references:
            if name not in seen and name in pickled:
                seen.add(name)
                ahead.append(name)
    return seen


class Restore:
    """Restores the variables of a manifest into a namespace; failures are reported, the rest is restored."""

    def __init__(self, namespace: dict[str, Any], store: Store, manifest: bytes) -> None:
        raw = json.loads(manifest)
        self._namespace = namespace
        self._store = store
        self._entries: dict[str, dict[str, str]] = raw["variables"]
        self._groups: dict[str, dict[str, Any]] = raw["groups"]
        self._loaded: dict[str, Any] = {}

    def run(self) -> Report:
        """Restore all variables. Arrays are mapped, so their bytes are read when they are used."""
        failed: dict[str, str] = {}
        # Aliases last: they refer to objects that must exist.
        for name, entry in sorted(self._entries.items(), key=lambda item: item[1]["kind"] == "alias"):
            try:
                self._namespace[name] = self._value(name, entry)
            except Exception as error:  # noqa: BLE001  unpickling runs the session's own code
                failed[name] = f"{type(error).__name__}: {error}"
        return Report(
            tuple(
                describe.describe(n, self._namespace.get(n), kept=n not in failed, reason=failed.get(n, ""))
                for n in self._entries
            )
        )

    def _value(self, name: str, entry: dict[str, str]) -> Any:
        match entry["kind"]:
            case "module":
                return importlib.import_module(entry["module"])
            case "alias":
                return self._namespace[entry["of"]]
            case _:
                return self._object(name)

    def _object(self, name: str) -> Any:
        if name not in self._loaded:
            group = self._groups[self._entries[name]["group"]]
            buffers = [self._store.get(digest) for digest in group["buffers"]]
            data = self._store.get(group["pickle"])
            self._loaded.update(pickling.Unpickler(data, buffers, self._namespace, self._object).load())
        return self._loaded[name]

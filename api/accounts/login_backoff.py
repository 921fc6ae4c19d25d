"""Slows down repeated failed logins: beyond the first few, each doubles the wait, per account and per address."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FORGET_SECONDS = 3600
MAX_TRACKED = 20_000


@dataclass(frozen=True, slots=True)
class Rule:
    """After `free` failures the waits are 1, 2, 4, … seconds, up to `longest`."""

    free: int
    longest: float


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last: float = 0.0
    closed_until: float = 0.0


Key = tuple[str, ...]


class Attempts:
    """Counts by key, in memory; the least recently used are dropped first. `clock` returns seconds."""

    def __init__(self, rules: dict[str, Rule], clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._clock = clock
        self._records: OrderedDict[Key, _Record] = OrderedDict()

    def take(self, *keys: Key) -> float:
        """Count an attempt under each key (its first word names the rule) and return 0, or return the seconds to wait.

        An attempt counts as failed until `forgive`, so that concurrent attempts cannot evade the limit.
        """
        now = self._clock()
        records = [self._record(key, now) for key in keys]
        wait = max(record.closed_until - now for record in records)
        if wait > 0:
            return wait
        for key, record in zip(keys, records, strict=True):
            rule = self._rules[key[0]]
            record.failures += 1
            record.last = now
            beyond = record.failures - rule.free
            if beyond >= 0:
                record.closed_until = now + min(rule.longest, 2.0 ** min(beyond, 30))
        return 0.0

    def forgive(self, *keys: Key) -> None:
        """The attempt succeeded: reset all its counts."""
        for key in keys:
            self._records.pop(key, None)

    def forgive_one(self, key: Key) -> None:
        """The attempt succeeded: remove only this attempt from the key's count."""
        record = self._records.get(key)
        if record is not None:
            record.failures = max(0, record.failures - 1)
            if record.failures < self._rules[key[0]].free:
                record.closed_until = 0.0

    def _record(self, key: Key, now: float) -> _Record:
        record = self._records.get(key)
        if record is None or now - record.last > FORGET_SECONDS:
            record = self._records[key] = _Record(last=now)
        self._records.move_to_end(key)
        while len(self._records) > MAX_TRACKED:
            self._records.popitem(last=False)
        return record


def network_of(address: str) -> str:
    """The network of an address: for IPv6 its /64, which usually belongs to one customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))

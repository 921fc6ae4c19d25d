"""All attacks, by what they abuse. A coroutine function attacks from outside; an ordinary one runs in kernels."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tests.abuse.attacks import (
    accounts,
    archives,
    bodies,
    documents,
    front_door,
    histories,
    kernel_files,
    kernel_life,
    kernel_memory,
    kernel_output,
    kernel_wire,
    queues,
    schemas,
    sockets,
    streams,
    web,
)
from tests.abuse.enemy import Enemy, source

MODULES = (
    kernel_wire,
    kernel_memory,
    kernel_output,
    kernel_files,
    kernel_life,
    queues,
    front_door,
    bodies,
    sockets,
    streams,
    schemas,
    archives,
    documents,
    web,
    histories,
    accounts,
)


@dataclass(frozen=True)
class Attack:
    """One attack on the service."""

    name: str
    group: str
    words: str
    """What it does, in a line."""
    run: Callable[[Enemy], Awaitable[Any]]


def _attack(module: ModuleType, function: Callable[..., Any]) -> Attack:
    run: Callable[[Enemy], Awaitable[Any]]
    if inspect.iscoroutinefunction(function):
        run = function
    else:
        code = source(function, *getattr(module, "HELPERS", ()))

        async def run(enemy: Enemy) -> None:
            await enemy.cells(code)

    group = module.__name__.rpartition(".")[2]
    return Attack(function.__name__, group, inspect.getdoc(function) or "", run)


def _attacks_of(module: ModuleType) -> list[Attack]:
    helpers = getattr(module, "HELPERS", ())
    return [
        _attack(module, function)
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
        and function not in helpers
    ]


ATTACKS = tuple(attack for module in MODULES for attack in _attacks_of(module))

_QUICK = {
    "frame_without_end_after_the_reply",
    "dates_in_a_header",
    "slow_pickles",
    "files_without_a_name",
    "half_open_connections",
    "pipelined_requests",
    "body_of_three_million_keys",
    "redirects_to_nowhere",
    "two_hundred_requests_at_once",
}
QUICK = tuple(attack for attack in ATTACKS if attack.name in _QUICK)
"""Some of each kind, for every run of the tests: a minute."""

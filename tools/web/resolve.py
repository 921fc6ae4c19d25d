"""Resolves names to addresses that may be connected to."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable

from tools.web.addresses import Address, is_outside
from tools.web.errors import AddressRefusedError, FetchError, NameNotFoundError
from tools.web.urls import Target

LOOKUPS_AT_ONCE = 32
MAX_ADDRESSES = 8
Lookup = Callable[[str], list[Address]]


class Resolver:
    """Resolves names in its own threads: a name server that never responds must not exhaust the event loop's pool."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._room = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)

    async def addresses(self, target: Target) -> list[Address]:
        """The addresses of `target`, in the system's order.

        Raises `AddressRefusedError` if any of its addresses is internal: such a name cannot be trusted with the others
        either. Raises `NameNotFoundError` if there is none.
        """
        found = [target.address] if target.address is not None else await self._look_up(target.host)
        if not target.trusted and not all(is_outside(address) for address in found):
            raise AddressRefusedError(
                f"{target.host} is an address inside this machine or its network; only public addresses are fetched."
            )
        return found[:MAX_ADDRESSES]

    async def _look_up(self, host: str) -> list[Address]:
        if not self._room.acquire(blocking=False):
            raise FetchError("Too many names are being resolved; try again in a moment.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()
        # Callers only wait for a limited time; a daemon thread does not delay the end of the service.
        threading.Thread(target=self._ask, args=(host, loop, answer), name=f"dns-{host}", daemon=True).start()
        return await answer

    def _ask(self, host: str, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[Address]]") -> None:
        result: list[Address] | NameNotFoundError
        try:
            result = self._lookup(host)
        except (OSError, UnicodeError) as error:
            result = NameNotFoundError(f"The name {host} cannot be resolved ({_reason(error)}).")
        finally:
            self._room.release()

        def tell() -> None:
            if answer.done():
                return
            if isinstance(result, NameNotFoundError):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        if not loop.is_closed():
            loop.call_soon_threadsafe(tell)


def system_lookup(host: str) -> list[Address]:
    """The system's own answer (blocking). Raises OSError, UnicodeError."""
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    found = [ipaddress.ip_address(info[4][0]) for info in infos]
    return list(dict.fromkeys(found))


def _reason(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "it is not a valid name"

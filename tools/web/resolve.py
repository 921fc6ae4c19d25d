"""From a name to addresses that may be connected to."""

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
    """Looks names up in threads of its own: a name server that never answers must not fill the event loop's pool."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._room = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)

    async def addresses(self, target: Target) -> list[Address]:
        """Where `target` may be reached, the system's first choice first.

        Raises `AddressRefusedError` when any of its addresses is inside: such a name is not to be trusted with the
        others either. Raises `NameNotFoundError` when there is none.
        """
        found = [target.address] if target.address is not None else await self._look_up(target.host)
        if not target.trusted and not all(is_outside(address) for address in found):
            raise AddressRefusedError(
                f"{target.host} is an address inside this machine or its network; only the web outside is fetched."
            )
        return found[:MAX_ADDRESSES]

    async def _look_up(self, host: str) -> list[Address]:
        if not self._room.acquire(blocking=False):
            raise FetchError("Too many names are being looked up; try again in a moment.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()
        # Nobody waits for this thread longer than it pleases; a daemon does not hold up the end of the service.
        threading.Thread(target=self._ask, args=(host, loop, answer), name=f"dns-{host}", daemon=True).start()
        return await answer

    def _ask(self, host: str, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[Address]]") -> None:
        result: list[Address] | NameNotFoundError
        try:
            result = self._lookup(host)
        except (OSError, UnicodeError) as error:
            result = NameNotFoundError(f"The name {host} cannot be found ({_reason(error)}).")
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
    return (error.strerror if isinstance(error, OSError) else None) or "it is no name"

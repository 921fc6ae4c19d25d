"""Addresses as people and models write them, taken apart strictly: what can be read in two ways is refused."""

import ipaddress
import re
from dataclasses import dataclass

import httpx

from tools.web.addresses import Address
from tools.web.errors import AddressRefusedError
from tools.web.settings import WebSettings

MAX_URL = 4096
PORTS = {"http": 80, "https": 443}
INSIDE_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "onion")
"""Last labels of names that never stand for something outside (RFC 6761, RFC 6762, RFC 8375 and custom)."""
_UNCLEAR = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff]")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, before its name is resolved."""

    url: httpx.URL
    host: str
    """In lower case, without brackets, international names in their ASCII form."""
    port: int
    address: Address | None
    """When the host is an address already."""
    trusted: bool = False
    """Named in the settings: it may be inside."""


def parse(text: str, settings: WebSettings) -> Target:
    """Raises `AddressRefusedError` for anything but a plain http(s) address on a port that is allowed."""
    text = text.strip(" \t\r\n")
    if len(text) > MAX_URL or _UNCLEAR.search(text):
        raise AddressRefusedError("This is not an address: it is too long, or has spaces or marks that no address has.")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise AddressRefusedError(f"This is not an address: {error}.") from error
    if url.scheme not in PORTS or not url.host:
        raise AddressRefusedError("Only addresses that begin with http:// or https:// can be fetched.")
    if url.userinfo:
        raise AddressRefusedError("Addresses with a user name or password in them are not fetched.")
    host = url.raw_host.decode("ascii").lower().removesuffix(".")
    port = PORTS[url.scheme] if url.port is None else url.port
    trusted = not {host, f"{host}:{port}"}.isdisjoint(settings.allow_private_hosts)
    address = _address(host)
    if address is None and not trusted:
        _check_name(host)
    if port not in settings.ports and not trusted:
        allowed = ", ".join(map(str, settings.ports))
        raise AddressRefusedError(f"Port {port} is not fetched from; only these are: {allowed}.")
    return Target(url=url, host=host, port=port, address=address, trusted=trusted)


def _address(host: str) -> Address | None:
    """The address that `host` is, written in the one usual way; None for a name."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host)
        except ValueError as error:
            raise AddressRefusedError("This is not an address of the internet.") from error
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        # Anything else that ends in a number is read as an address by some programs and as a name by others.
        return ipaddress.IPv4Address(host)
    except ValueError as error:
        raise AddressRefusedError("An address in numbers must be written as four decimal numbers.") from error


def _check_name(host: str) -> None:
    if not _NAME.fullmatch(host):
        raise AddressRefusedError("This is not the name of a host.")
    if any(host == name or host.endswith(f".{name}") for name in INSIDE_NAMES) or "." not in host:
        raise AddressRefusedError(
            f"{host} is a name inside this machine or its network; only the web outside is fetched."
        )

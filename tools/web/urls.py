"""Parses URLs written by users and models, strictly: ambiguous ones are refused."""

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
"""Last labels of names that are never public (RFC 6761, RFC 6762, RFC 8375 and custom)."""
_UNCLEAR = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff]")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a request, before its name is resolved."""

    url: httpx.URL
    host: str
    """In lower case, without brackets; international names in their ASCII form."""
    port: int
    address: Address | None
    """If the host is already an address."""
    trusted: bool = False
    """Named in the settings: it may be internal."""


def parse(text: str, settings: WebSettings, base: httpx.URL | None = None) -> Target:
    """The target of `text`, which may be relative to `base`.

    Raises `AddressRefusedError` for anything except a plain http(s) URL with an allowed port.
    """
    url = _url(text.strip(" \t\r\n"), base)
    if url.userinfo:
        raise AddressRefusedError("URLs that contain a user name or password are not fetched.")
    host = url.raw_host.decode("ascii").lower().removesuffix(".")
    port = PORTS[url.scheme] if url.port is None else url.port
    trusted = not {host, f"{host}:{port}"}.isdisjoint(settings.allow_private_hosts)
    address = _address(host)
    if address is None and not trusted:
        _check_name(host)
    if port not in settings.ports and not trusted:
        allowed = ", ".join(map(str, settings.ports))
        raise AddressRefusedError(f"Port {port} is not allowed; only these are: {allowed}.")
    return Target(url=url, host=host, port=port, address=address, trusted=trusted)


def _url(text: str, base: httpx.URL | None) -> httpx.URL:
    if len(text) > MAX_URL or _UNCLEAR.search(text):
        raise AddressRefusedError("This is not a valid URL: it is too long, or has spaces or invalid characters.")
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        absolute = url.scheme in PORTS and bool(url.host and url.raw_host)
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: of idna, urllib and the encoding
        raise AddressRefusedError("This is not a valid URL.") from error
    if not absolute:
        raise AddressRefusedError("Only URLs that start with http:// or https:// can be fetched.")
    if len(str(url)) > MAX_URL:
        raise AddressRefusedError("This is not a valid URL: it is too long.")
    return url


def _address(host: str) -> Address | None:
    """The host as an address, if written in the standard form; None for a name."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host)
        except ValueError as error:
            raise AddressRefusedError("This is not a valid IP address.") from error
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        # Anything else that ends in a number is an address for some programs and a name for others.
        return ipaddress.IPv4Address(host)
    except ValueError as error:
        raise AddressRefusedError("An IPv4 address must be written as four decimal numbers.") from error


def _check_name(host: str) -> None:
    if not _NAME.fullmatch(host):
        raise AddressRefusedError("This is not a valid host name.")
    if any(host == name or host.endswith(f".{name}") for name in INSIDE_NAMES) or "." not in host:
        raise AddressRefusedError(
            f"{host} is a name inside this machine or its network; only public addresses are fetched."
        )

"""Distinguishes public addresses from internal ones, by IANA's registries of special addresses (RFC 6890 etc.)."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

import psutil

Address = IPv4Address | IPv6Address

INSIDE_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a provider's NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's service for its own machines
        "169.254.0.0/16",  # link-local, and cloud metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
OUTSIDE_V6 = ipaddress.IPv6Network("2000::/3")
INSIDE_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, including Teredo, which embeds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 embeds an IPv4 address
        "3ffe::/16",  # the former test network
        "3fff::/20",  # documentation
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_outside(address: Address) -> bool:
    """Whether it is an ordinary public address, and not one of this machine's own."""
    return _is_public(address) and address not in _own()


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in block for block in INSIDE_V4)
    if address in NAT64:
        return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.scope_id is not None or _carries_v4(address):
        return False
    return address in OUTSIDE_V6 and not any(address in block for block in INSIDE_V6)


def _carries_v4(address: IPv6Address) -> bool:
    """ISATAP: the lower half is `[02]00:5efe` and an IPv4 address (RFC 5214)."""
    return (int(address) >> 32) & 0xFCFF_FFFF == 0x0000_5EFE


def _own() -> set[Address]:
    """The addresses of this machine's interfaces."""
    families = (socket.AF_INET, socket.AF_INET6)
    return {
        ipaddress.ip_address(entry.address.partition("%")[0])
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in families
    }

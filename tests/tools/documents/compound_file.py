"""Writes files in the container of the old Office formats."""

import struct
from collections.abc import Mapping

SECTOR = 512
MIN_STREAM = 4096
"""Smaller streams would be stored elsewhere; they are padded with zeros."""
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
STREAM, STORAGE, ROOT = 2, 1, 5


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A container with these streams, one of them possibly in a storage: `storage/stream`."""
    entries: list[tuple[str, int, int, int, int]] = []  # name, kind, child, first sector, size
    data, chain = b"", [0]  # the first sector has the allocation table
    padded = {name: content.ljust(MIN_STREAM, b"\0") for name, content in streams.items()}
    places: dict[str, int] = {}
    for name, content in padded.items():
        places[name] = len(chain)
        data += content + bytes(-len(content) % SECTOR)
        chain += [*range(len(chain) + 1, len(data) // SECTOR + 1), END]
    top = [name for name in padded if "/" not in name]
    storages = dict.fromkeys(name.partition("/")[0] for name in padded if "/" in name)
    entries += [(name, STREAM, FREE, places[name], len(padded[name])) for name in top]
    for storage in storages:
        inner = [name for name in padded if name.startswith(f"{storage}/")]
        entries.append((storage, STORAGE, len(entries) + 2, 0, 0))
        entries += [(name.partition("/")[2], -STREAM, FREE, places[name], len(padded[name])) for name in inner]
    directory, begin = _directory(entries), len(chain)
    chain += [*range(begin + 1, begin + len(directory) // SECTOR), END]
    table = struct.pack(f"<{len(chain)}I", FAT, *chain[1:]).ljust(SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6,
        *(0, 1, begin, 0, MIN_STREAM, END, 0, END, 0),
    )  # fmt: skip
    sectors = struct.pack("<109I", 0, *[FREE] * 108)
    return header + sectors + table + data + directory


def _directory(entries: list[tuple[str, int, int, int, int]]) -> bytes:
    """Each entry is the right sibling of the one before, within its storage."""
    rows = [("Root Entry", ROOT, 1 if entries else FREE, END, 0), *entries]
    out = b""
    for at, (name, kind, child, sector, size) in enumerate(rows):
        following = rows[at + 1][1] if at + 1 < len(rows) else 0
        siblings = kind != ROOT and following != 0 and (kind < 0) == (following < 0)
        right = at + 1 if siblings else FREE
        text = name.encode("utf-16-le") + b"\0\0"
        out += text.ljust(64, b"\0") + struct.pack(
            "<HBBIII16xI8x8xIII", len(text), abs(kind), 1, FREE, right, child, 0, sector, size, 0
        )
    return out + bytes(-len(out) % SECTOR)

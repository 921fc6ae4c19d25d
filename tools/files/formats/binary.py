"""Files without a handler: the size, and the likely type from the first bytes."""

from tools.files.profile import Profile
from tools.files.sections import Section
from tools.files.source import Source

_KNOWN = (
    (b"\x1f\x8b", "gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ\0", "xz archive"),
    (b"\x28\xb5\x2f\xfd", "zstd archive"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 file"),
    (b"\x93NUMPY", "NumPy array"),
    (b"ARROW1", "Arrow file"),
    (b"\x7fELF", "Linux program"),
    (b"MZ", "Windows program"),
    (b"OggS", "Ogg media"),
    (b"ID3", "MP3 audio"),
    (b"fLaC", "FLAC audio"),
    (b"RIFF", "RIFF media"),
    (b"\x1aE\xdf\xa3", "Matroska video"),
)
_LOAD = {
    "SQLite database": "import sqlite3; db = sqlite3.connect({name})",
    "NumPy array": "a = np.load({name})",
    "gzip archive": "import gzip; data = gzip.open({name}).read()",
}


def profile(source: Source) -> Profile:
    title = next((title for magic, title in _KNOWN if source.head.startswith(magic)), "binary data")
    if source.head[4:8] == b"ftyp":
        title = "MP4 media"
    return Profile(
        kind="binary",
        title=title,
        bytes=source.size,
        load=_LOAD.get(title),
        facts={"first_bytes": source.head[:16].hex(" ")},
    )


def sections(source: Source) -> list[Section]:
    del source
    return []

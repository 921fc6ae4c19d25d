"""ZIP archives: a listing by name and size. Nothing is unpacked."""

import zipfile

from tools.files.profile import FileUnreadable, Profile, plain
from tools.files.render import human_size
from tools.files.sections import Section
from tools.files.source import Source

MAX_LISTED = 100
BOMB_RATIO = 200
BOMB_BYTES = 1 << 30


def profile(source: Source) -> Profile:
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable("It is a damaged ZIP archive.") from error
    files = [member for member in members if not member.is_dir()]
    unpacked = sum(member.file_size for member in files)
    notes = []
    if unpacked > BOMB_BYTES or unpacked > BOMB_RATIO * max(source.size, 1 << 16):
        notes.append(f"It unpacks to {human_size(unpacked)}: do not unpack it whole.")
    if any(member.flag_bits & 1 for member in files):
        notes.append("Members are locked with a password.")
    listed = [f"{plain(member.filename, 120)} ({human_size(member.file_size)})" for member in files[:MAX_LISTED]]
    if len(files) > MAX_LISTED:
        listed.append(f"and {len(files) - MAX_LISTED:,} more")
    return Profile(
        kind="zip",
        title="ZIP archive",
        bytes=source.size,
        load="import zipfile; archive = zipfile.ZipFile({name})",
        facts={"members": len(files), "unpacked_bytes": unpacked},
        structure=listed,
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """Empty: an archive is not unpacked."""
    del source
    return []

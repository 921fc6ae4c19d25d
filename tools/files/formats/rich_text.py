"""RTF documents."""

from tools.files.profile import Profile, passage
from tools.files.rtf import MAX_BYTES, rtf_text
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

MAX_TEXT = 5_000_000


def profile(source: Source) -> Profile:
    text = rtf_text(_data(source))
    return Profile(
        kind="rtf",
        title="RTF document",
        bytes=source.size,
        load=(
            "from pathlib import Path; from striprtf.striprtf import rtf_to_text; "
            'text = rtf_to_text(Path({name}).read_text(encoding="latin-1"), errors="replace")'
        ),
        facts={"words": len(text.split())},
        preview=passage(text),
        notes=[f"Only the first {MAX_BYTES >> 20} MB were looked at."] if source.size > MAX_BYTES else [],
    )


def sections(source: Source) -> list[Section]:
    """One."""
    writer = SectionWriter(MAX_TEXT)
    writer.add(rtf_text(_data(source)))
    return writer.sections


def _data(source: Source) -> bytes:
    with source.path.open("rb") as file:
        return file.read(MAX_BYTES)

"""PowerPoint presentations: titles, text and notes of each slide."""

from tools.files.ooxml.package import Package
from tools.files.ooxml.slides import Presentation, Slide
from tools.files.profile import Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

MAX_TEXT = 5_000_000
MAX_OUTLINE = 60
_LOAD = "from pptx import Presentation; slides = Presentation({name}).slides"
HIDDEN = "This slide is hidden."


def profile(source: Source) -> Profile:
    package = Package(source.path)
    presentation = Presentation(package)
    slides = list(presentation.slides())
    hidden = [number for number, slide in enumerate(slides, start=1) if slide.hidden]
    return Profile(
        kind="pptx",
        title="PowerPoint presentation",
        bytes=source.size,
        load=_LOAD if source.suffix in ("", ".pptx", ".pptm") else None,
        facts={
            "slides": len(presentation),
            "images": sum(slide.pictures for slide in slides),
            "tables": sum(slide.tables for slide in slides),
            "words": sum(len(slide.text.split()) for slide in slides),
            **package.about(),
        },
        structure=[f"slide {at}: {_label(slide)}" for at, slide in enumerate(slides[:MAX_OUTLINE], start=1)],
        preview=passage("\n\n".join(slide.text for slide in slides)),
        notes=[f"Hidden slides: {', '.join(map(str, hidden[:20]))}."] if hidden else [],
    )


def sections(source: Source) -> list[Section]:
    """One per slide, numbered as a page, including its notes."""
    writer = SectionWriter(MAX_TEXT)
    for number, slide in enumerate(Presentation(Package(source.path)).slides(), start=1):
        text = f"{slide.text}\n{HIDDEN}" if slide.hidden and slide.text else slide.text
        writer.add(text, page=number, heading=plain(slide.title, 200) or None)
        if writer.full:
            break
    return writer.sections


def _label(slide: Slide) -> str:
    return plain(slide.title or "(no title)", 100) + (" (hidden)" if slide.hidden else "")

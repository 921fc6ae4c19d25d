"""PowerPoint presentations: titles, text and notes of each slide."""

from collections.abc import Iterator
from typing import Any

import pptx
from lxml import etree
from pptx.exc import PythonPptxError
from pptx.presentation import Presentation

from tools.files.formats import office
from tools.files.profile import DAMAGE, FileUnreadable, Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

ERRORS = (PythonPptxError, etree.LxmlError)
MAX_XML = 64 << 20
MAX_SLIDES = 1000
MAX_SHAPES = 2000
MAX_DEPTH = 8
MAX_TEXT = 5_000_000
MAX_OUTLINE = 60


def profile(source: Source) -> Profile:
    presentation = _opened(source)
    slides = list(presentation.slides)[:MAX_SLIDES]
    shapes = [list(_shapes(slide.shapes)) for slide in slides]
    texts = [_text(slide, found) for slide, found in zip(slides, shapes, strict=True)]
    titles = [f"slide {at}: {plain(_title(slide) or '(no title)', 100)}" for at, slide in enumerate(slides, start=1)]
    return Profile(
        kind="pptx",
        title="PowerPoint presentation",
        bytes=source.size,
        load="from pptx import Presentation; slides = Presentation({name}).slides",
        facts={
            "slides": len(presentation.slides),
            "images": sum(_is_picture(shape) for found in shapes for shape in found),
            "tables": sum(bool(getattr(shape, "has_table", False)) for found in shapes for shape in found),
            "words": sum(len(text.split()) for text in texts),
            **office.about(presentation.core_properties),
        },
        structure=titles[:MAX_OUTLINE],
        preview=passage("\n\n".join(texts)),
    )


def sections(source: Source) -> list[Section]:
    """One per slide, numbered as a page, including its notes."""
    writer = SectionWriter(MAX_TEXT)
    for number, slide in enumerate(list(_opened(source).slides)[:MAX_SLIDES], start=1):
        title = _title(slide)
        text = _text(slide, list(_shapes(slide.shapes)))
        writer.add(text, page=number, heading=plain(title, 200) if title else None)
    return writer.sections


def _opened(source: Source) -> Presentation:
    office.check(source, MAX_XML)
    try:
        return pptx.Presentation(str(source.path))
    except (*DAMAGE, *ERRORS) as error:
        raise FileUnreadable("It is a damaged PowerPoint presentation.") from error


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    """The shapes of a slide, including those in groups."""
    for at, shape in enumerate(shapes):
        if at >= MAX_SHAPES:
            return
        yield shape
        if hasattr(shape, "shapes") and depth < MAX_DEPTH:
            yield from _shapes(shape.shapes, depth + 1)


def _title(slide: Any) -> str:
    title = slide.shapes.title
    return title.text_frame.text.strip() if title is not None else ""


def _text(slide: Any, shapes: list[Any]) -> str:
    parts = [shape.text_frame.text for shape in shapes if getattr(shape, "has_text_frame", False)]
    for shape in shapes:
        if getattr(shape, "has_table", False):
            parts += [" | ".join(cell.text for cell in row.cells) for row in list(shape.table.rows)[:200]]
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        parts.append(f"Notes: {slide.notes_slide.notes_text_frame.text}")
    return "\n".join(part.strip() for part in parts if part.strip() not in ("", "Notes:"))


def _is_picture(shape: Any) -> bool:
    return str(shape.element.tag).endswith("}pic")

"""Analyzes an image: with a vision model if there is one, otherwise by its text, size and colors."""

import asyncio
import base64
import json
import re
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.errors import ToolFailed, ToolRetry
from tools.files.reader import FileReader
from tools.kit import ToolKit
from tools.names import VISION_ANALYZER
from tools.purpose import FirstCall, Fit, Purpose
from tools.question import Question, wants_computing
from tools.results import Extras
from tools.temperature import temperature_of
from tools.vision.images import Facts, ImageRefusedError, Picture, show
from tools.vision.ocr import Looked, look
from tools.vision.settings import VisionSettings
from tools.workers.pool import WorkerError
from workspace.errors import BadNameError, FileTooLargeError
from workspace.library import Library
from workspace.names import Names
from workspace.safe_open import read_file
from workspace.session import SessionWorkspace
from workspace.settings import MIB

DESCRIPTION = "looks at an image file: answers a question about it, or reads the text in it."
DESCRIBE = "Describe what this image shows. Repeat any text in it word for word."
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
_ASKS_FOR_TEXT = re.compile(
    r"\b(what|which|read|repeat|copy|give|extract|transcribe)\b.*\b(text|words|written|printed)\b",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT_AN_IMAGE = re.compile(
    r"\b(image|picture|photo|photograph|screenshot|scan|drawing|logo|diagram|poster|sign)s?\b"
    r"|\b(see|shown|depicted|visible|look like)\b|이미지|사진",
    re.IGNORECASE,
)
MAX_FILE = 64 * MIB
MAX_TEXT = 4000
"""Maximum characters of text in the image, or of the model's answer, in the observation."""
SHOW_SECONDS, SHOW_MEMORY = 20.0, 1 << 30
LOOK_SECONDS, LOOK_MEMORY = 120.0, 2 << 30
UNSEEN = (
    "No model that sees images is set up here, so this is all that is known: what the image shows besides its text, "
    "size and colours was not seen."
)


def _is_text(text: str) -> str:
    text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
    return text.strip()


class VisionInput(BaseModel):
    """Input of `vision_analyzer`."""

    filename: Annotated[str, AfterValidator(_is_text)] = Field(
        min_length=1, max_length=500, description="An image of the session or of the user's files."
    )
    question: Annotated[str, AfterValidator(_is_text)] = Field(
        default=DESCRIBE, min_length=1, max_length=4000, description="What to find out."
    )


INPUT: type[BaseModel] = VisionInput


def _fit(question: Question) -> Fit:
    if question.subject == "images":
        return Fit.NAMED
    if not question.files.images or wants_computing(question.text):
        return Fit.NONE
    only_images = not (question.files.tables or question.files.documents)
    return Fit.CLEAR if only_images or _ABOUT_AN_IMAGE.search(question.text) else Fit.NONE


def _first_call(question: Question) -> FirstCall | None:
    names = [*question.named.images, *reversed(question.files.images)]
    if not names:
        return None
    given = json.dumps({"filename": names[0], "question": question.text}, ensure_ascii=False)
    return FirstCall(f"I look at {names[0]}.", given)


PURPOSE = Purpose(
    kind="reading", fit=_fit, first_call=_first_call, files=frozenset({"images"}), activity="Looking at the image"
)


class VisionAnalyzer(AgentTool):
    """The observation is the model's answer, or the text, size and colors. `ToolRetry` for a file that is not a
    supported image, `ToolFailed` if the analysis failed.
    """

    name: str = VISION_ANALYZER
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    workspace: SessionWorkspace
    library: Library | None
    reader: FileReader | None
    vision: BaseChatModel | None
    settings: VisionSettings

    @override
    async def _arun(self, filename: str, question: str = DESCRIBE) -> tuple[str, Extras]:
        if self.reader is None:
            raise ToolFailed("Images cannot be analyzed here.")
        data, workers = await self._file(filename), self.reader.workers
        try:
            if self.vision is None:
                return told(await workers.run(look, data, seconds=LOOK_SECONDS, memory=LOOK_MEMORY), question)
            picture = await workers.run(show, data, self.settings.max_side, seconds=SHOW_SECONDS, memory=SHOW_MEMORY)
        except ImageRefusedError as error:
            raise ToolRetry(f"{filename}: {error}") from error
        except WorkerError as error:
            raise ToolFailed(f"{filename} could not be analyzed: {error}") from error
        return await self._ask(self.vision, picture, question)

    async def _file(self, filename: str) -> bytes:
        """The bytes of a file of the session, or of the user's uploads."""
        own = [info.name for info in await self.workspace.files()]
        stored = [info.name for info in await self.library.files()] if self.library is not None else []
        if (name := Names(own).similar(filename)) is not None:
            folder = self.workspace.folder
        elif self.library is not None and (name := Names(stored).similar(filename)) is not None:
            folder = self.library.folder
        try:
            if name is not None:
                return await asyncio.to_thread(read_file, folder, name, MAX_FILE)
        except FileTooLargeError as error:
            raise ToolRetry(str(error)) from error
        except (FileNotFoundError, BadNameError):
            pass  # it was deleted or replaced at this moment
        images = [name for name in dict.fromkeys([*own, *stored]) if name.lower().endswith(IMAGES)]
        raise ToolRetry(f"There is no file {filename!r}. The images are: {', '.join(images[:20]) or 'none'}.")

    async def _ask(self, model: BaseChatModel, picture: Picture, question: str) -> tuple[str, Extras]:
        """The image exists only in this message, which is not stored."""
        shown = {"type": "image", "base64": base64.b64encode(picture.data).decode(), "mime_type": picture.mime}
        message = HumanMessage(content=[{"type": "text", "text": question}, shown])
        try:
            async with asyncio.timeout(self.settings.timeout):
                answer = await model.ainvoke([message], temperature=temperature_of(model))
        except TimeoutError as error:
            raise ToolFailed(f"The vision model did not respond within {self.settings.timeout:g} seconds.") from error
        text = answer.text.strip()
        if not text:
            raise ToolFailed("The vision model's reply is empty.")
        data = {"seen_by": "model", **_facts(picture.facts), "shown_as": [picture.width, picture.height, picture.mime]}
        return _cut(text), Extras(answer=_cut(text), data=data)


def told(looked: Looked, question: str = DESCRIBE) -> tuple[str, Extras]:
    """What can be said without a vision model, including what could not be seen."""
    text = f"Text in the image:\n{_cut(looked.text)}" if looked.text else "No text was found in the image."
    lines = [
        {
            "text": "  ".join(piece.text for piece in line),
            "confidence": min(piece.confidence for piece in line),
            "pieces": [
                {
                    "text": piece.text,
                    "confidence": piece.confidence,
                    "box": [piece.left, piece.top, piece.width, piece.height],
                }
                for piece in line
            ],
        }
        for line in looked.lines
    ]
    asked = looked.text and _ASKS_FOR_TEXT.search(question)
    return f"{text}\n\n{described(looked.facts)}\n{UNSEEN}", Extras(
        answer=f"The text in the image:\n\n{_cut(looked.text)}" if asked else None,
        data={"seen_by": "text recognition", **_facts(looked.facts), "lines": lines},
    )


def described(facts: Facts) -> str:
    """Size, orientation and colors, in a sentence or two."""
    colours = ", ".join(f"{name} ({share:.0%})" for name, share in facts.colours) or "no colour stands out"
    notes = [
        f"The image is {facts.width} × {facts.height} pixels ({facts.orientation}, {facts.format}).",
        f"Main colours: {colours}.",
        "It was stored lying on its side or head and has been turned upright." if facts.turned else "",
        "It is animated; only its first picture was looked at." if facts.animated else "",
    ]
    return " ".join(note for note in notes if note)


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "orientation": facts.orientation,
        "animated": facts.animated,
        "turned_upright": facts.turned,
        "colours": [{"name": name, "share": share} for name, share in facts.colours],
    }


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + f"… [{len(text) - MAX_TEXT} more characters left out]"


def build(kit: ToolKit) -> VisionAnalyzer:
    """The tool for one session."""
    return VisionAnalyzer(
        workspace=kit.workspace, library=kit.library, reader=kit.reader, vision=kit.vision, settings=kit.looking
    )

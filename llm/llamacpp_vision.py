"""The embedded backend for images: a LangChain chat model on llama.cpp's multimodal library."""

import base64
import binascii
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from typing_extensions import override

from llm.errors import ModelError, ModelMissingError
from llm.llama.messages import to_turn
from llm.llama.native import check_file
from llm.llama.slots import Piece, Request
from llm.llama.vision_engine import SeeingEngine, SeeingRequest
from llm.llamacpp import LlamaCppChat
from llm.settings import LlamaCppSettings

ADVICE = "Set {} to a GGUF file (docs/vision.md)."


class LlamaCppSeeingChat(LlamaCppChat):
    """Like `LlamaCppChat`, for messages with images: LangChain's image blocks with base64 or a data URL.

    One request is served at a time. The weights are loaded with the first one.
    """

    engine: SeeingEngine  # type: ignore[assignment]
    """It has the same three methods."""

    @property
    def _llm_type(self) -> str:
        return "llamacpp-vision"

    @property
    @override
    def native_tools(self) -> bool:
        return False

    @override
    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        deliver: Callable[[Piece | ModelError], None],
        max_tokens: int | None = None,
        tools: Sequence[dict[str, Any]] = (),
        continues: bool = False,
        **wishes: Any,
    ) -> Request:
        return SeeingRequest(
            turns=[to_turn(message) for message in messages],
            deliver=deliver,
            sampling=self._sampling(**wishes),
            stop=tuple(stop or ()),
            max_tokens=max_tokens,
            contents=[contents(message) for message in messages],
        )


def contents(message: BaseMessage) -> list[str | bytes]:
    """A message's texts and images in order. Raises `ModelError` for an image that is not in the message itself."""
    parts: list[str | bytes] = []
    for block in message.content_blocks:
        if block["type"] == "text":
            parts.append(block["text"])
        elif block["type"] == "image":
            parts.append(_image(block.get("base64"), block.get("url")))
        else:
            raise ModelError(f"The vision model supports text and images, not {block['type']}.")
    return parts


def _image(encoded: str | None, url: str | None) -> bytes:
    if encoded is None and url is not None and url.startswith("data:"):
        encoded = url.partition(",")[2]
    if not encoded:
        raise ModelError("The vision model supports images in the message itself (base64), not URLs.")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ModelError("An image's base64 is invalid.") from error


def load(model: Path, projector: Path, settings: LlamaCppSettings) -> LlamaCppSeeingChat:
    """Raises `ModelMissingError` or `ModelDamagedError` if a file does not exist or is not a GGUF file."""
    check_file(model, ADVICE.format("LLAMACPP_VISION_MODEL_PATH"))
    check_file(projector, ADVICE.format("LLAMACPP_VISION_MMPROJ_PATH"))
    engine = SeeingEngine(model, projector, settings)
    return LlamaCppSeeingChat(engine=engine, name_=model.stem, temperature=settings.temperature)


def build(settings: LlamaCppSettings) -> BaseChatModel | None:
    """None if no model is configured. The weights are loaded at the first image; one request is served at a time.

    Raises `ModelMissingError` or `ModelDamagedError` if a file does not exist or is not a GGUF file.
    """
    model, projector = settings.vision_model_path, settings.vision_mmproj_path
    if model is None and projector is None:
        return None
    if model is None or projector is None:
        missing = "LLAMACPP_VISION_MODEL_PATH" if model is None else "LLAMACPP_VISION_MMPROJ_PATH"
        raise ModelMissingError(f"A vision model needs two files; set {missing} too.")
    return load(model, projector, settings.model_copy(update={"parallel": 1}))

"""The model that is shown images, where one is configured."""

from langchain_core.language_models import BaseChatModel

from llm.errors import ModelMissingError
from llm.settings import LlamaCppVisionSettings


def build(settings: LlamaCppVisionSettings) -> BaseChatModel | None:
    """None when no model is named. The weights are loaded at the first image.

    Raises `ModelMissingError` or `ModelDamagedError` when a file is not there, or is none of its kind.
    """
    model, projector = settings.model.model_path, settings.mmproj_path
    if model is None and projector is None:
        return None
    if model is None or projector is None:
        missing = "LLAMACPP_VISION_MODEL_PATH" if model is None else "LLAMACPP_VISION_MMPROJ_PATH"
        raise ModelMissingError(f"A model that sees needs two files; set {missing} too.")
    from llm import llamacpp_vision  # noqa: PLC0415 (llama.cpp is loaded only when it is wanted)

    return llamacpp_vision.load(model, projector, settings.model)

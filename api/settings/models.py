"""Where text comes from."""

from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field

from api.settings.parsing import OptionalPath
from api.settings.servers import ServerSettings
from llm import BACKENDS
from llm.settings import LlamaCppSettings, LlamaCppVisionSettings, ModelsSettings


def _known_backend(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"must be one of: {', '.join(BACKENDS)}")
    return name


def _known_or_empty(name: str) -> str:
    return _known_backend(name) if name else ""


Backend = Annotated[str, AfterValidator(_known_backend)]
OtherBackend = Annotated[str, AfterValidator(_known_or_empty)]


class ModelSettings(ServerSettings):
    """The backends and their models."""

    llm_backend: Backend = "llamacpp"
    """Answers."""
    coder_backend: OtherBackend = ""
    """Writes programs; empty: `LLM_BACKEND`."""
    vision_backend: OtherBackend = ""
    """Is shown images; empty: `LLM_BACKEND`."""
    models_dir: OptionalPath = None
    """Where fetched weights are kept; empty means the per-user cache."""
    llamacpp_model_path: OptionalPath = None
    """A GGUF file of your own; empty means the default model, fetched when it is missing."""
    llamacpp_coder_model_path: OptionalPath = None
    """A GGUF file of a model that writes programs; empty: the one that answers does."""
    llamacpp_n_ctx: int = Field(default=8192, ge=512)
    llamacpp_parallel: int = Field(default=4, ge=1, le=64)
    llamacpp_n_gpu_layers: int = Field(default=0, ge=-1)
    llamacpp_n_threads: int = Field(default=0, ge=0)
    llamacpp_temperature: float = Field(default=0.0, ge=0, le=2)
    llamacpp_use_mmap: bool = True
    llamacpp_use_mlock: bool = False
    llamacpp_low_vram: bool = False
    llamacpp_vision_model_path: OptionalPath = None
    """A GGUF file of a model that sees; needs the next one too."""
    llamacpp_vision_mmproj_path: OptionalPath = None
    """Its multimodal projector, a GGUF file of its own."""

    def llamacpp(self) -> LlamaCppSettings:
        return LlamaCppSettings(
            model_path=self.llamacpp_model_path,
            models_dir=self.models_dir,
            n_ctx=self.llamacpp_n_ctx,
            parallel=self.llamacpp_parallel,
            n_gpu_layers=self.llamacpp_n_gpu_layers,
            temperature=self.llamacpp_temperature,
            n_threads=self.llamacpp_n_threads,
            use_mmap=self.llamacpp_use_mmap,
            use_mlock=self.llamacpp_use_mlock,
            low_vram=self.llamacpp_low_vram,
        )

    def llamacpp_vision(self) -> LlamaCppVisionSettings:
        model = replace(self.llamacpp(), model_path=self.llamacpp_vision_model_path, parallel=1)
        return LlamaCppVisionSettings(model=model, mmproj_path=self.llamacpp_vision_mmproj_path)

    def models(self) -> ModelsSettings:
        return ModelsSettings(
            backend=self.llm_backend,
            coder_backend=self.coder_backend,
            vision_backend=self.vision_backend,
            llamacpp=self.llamacpp(),
            llamacpp_coder_path=self.llamacpp_coder_model_path,
            llamacpp_vision=self.llamacpp_vision(),
            ollama=self.ollama(),
            openai=self.openai(),
        )

"""Settings of the models."""

import math
import os
from pathlib import Path
from typing import Annotated, Literal

import psutil
from pydantic import AfterValidator, Field, SecretStr

from llm import BACKENDS
from workspace.settings_model import AbsolutePath, HttpUrl, SettingsModel


def _without_login(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("must not contain a user name and password, which would appear in logs")
    return url


def _known_backend(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"must be one of: {', '.join(BACKENDS)}")
    return name


def _known_or_empty(name: str) -> str:
    return _known_backend(name) if name else ""


def _at_least_one(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not urls:
        raise ValueError("must name at least one server")
    return urls


ServerUrl = Annotated[HttpUrl, AfterValidator(_without_login)]
"""URL of a model server; it appears in the log."""
Backend = Annotated[str, AfterValidator(_known_backend)]
OtherBackend = Annotated[str, AfterValidator(_known_or_empty)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class LlamaCppSettings(SettingsModel):
    """llama.cpp, which runs a model inside the service."""

    model_path: AbsolutePath | None = None
    """A GGUF file. Empty: the default of `llm/models.toml`, downloaded if it is missing."""
    coder_model_path: AbsolutePath | None = None
    """A GGUF file of a model that writes programs. Empty: the answering model does."""
    n_ctx: int = Field(default=8192, ge=512)
    """Context window of a request, in tokens."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Requests that are generated concurrently. Each needs memory for its context window: about 28 kB per token with
    the default model.
    """
    n_gpu_layers: int = Field(default=0, ge=-1)
    """Layers on a GPU (-1: all). Requires a llama-cpp-python built for it."""
    n_threads: int = Field(default=0, ge=0)
    """CPU threads. 0: one per physical core available to the process."""
    temperature: Temperature = 0.0
    """Used when a request sets none."""
    use_mmap: bool = True
    """Map the file into memory instead of reading it."""
    use_mlock: bool = False
    """Lock the weights in memory, so that they are not swapped out."""
    low_vram: bool = False
    """Keep the KV cache in main memory even if layers are on a GPU."""
    vision_model_path: AbsolutePath | None = None
    """A GGUF file of a vision model; requires `LLAMACPP_VISION_MMPROJ_PATH`. Without one, the agent only gets an
    image's text, size and colors.
    """
    vision_mmproj_path: AbsolutePath | None = None
    """The vision model's multimodal projector, a separate GGUF file."""


class OllamaSettings(SettingsModel):
    """An Ollama server, used with its native protocol."""

    host: ServerUrl = "http://127.0.0.1:11434"
    """Its URL."""
    model: str = ""
    """The model that answers. Empty: the first one that Ollama has."""
    coder_model: str = ""
    """The model that writes programs. Empty: the answering model."""
    vision_model: str = ""
    """The model that views images. Empty: none."""
    num_ctx: int = Field(default=0, ge=0)
    """Context window in tokens. 0: what the model supports, up to 16384."""
    temperature: Temperature | None = None
    """Used when a request sets none. Empty: the model's own in mode `chat`, 0 for the agent's calls. Reasoning models
    may need more (Qwen 3: 0.6).
    """
    timeout: float = Field(default=120, gt=0)
    """Seconds without data after which a reply is aborted. A complete reply may take longer."""
    keep_alive: str = Field(default="", pattern=r"^(-?\d+(\.\d+)?(ms|s|m|h)?)?$")
    """How long a model stays loaded: `5m`, `1h`, `-1` forever. Empty: Ollama's default."""
    think: Literal["", "true", "false", "low", "medium", "high"] = ""
    """`true`, `false`, `low`, `medium` or `high`. Empty: enabled for models that support it."""
    pull: bool = False
    """Pull missing models automatically."""


class OpenAISettings(SettingsModel):
    """Servers with OpenAI's API: vLLM, SGLang, llama-server, LM Studio, hosted services."""

    base_url: Annotated[tuple[ServerUrl, ...], AfterValidator(_at_least_one)] = ("https://api.openai.com/v1",)
    """URLs, separated by commas, of servers with the same models. A request goes to the least busy healthy one."""
    api_key: SecretStr = SecretStr("")
    """Their API key."""
    model: str = ""
    """The model that answers. Empty: the first one that the server lists."""
    coder_model: str = ""
    """The model that writes programs. Empty: the answering model."""
    vision_model: str = ""
    """The model that views images. Empty: none."""
    context_window: int = Field(default=0, ge=0)
    """Context window in tokens. 0: what the server reports, or else 8192."""
    temperature: Temperature | None = None
    """Used when a request sets none. Empty: the server's own in mode `chat`, 0 for the agent's calls."""
    timeout: float = Field(default=120, gt=0)
    """Seconds without data after which a reply is aborted. A complete reply may take longer."""


class EmbeddingSettings(SettingsModel):
    """The model for document search."""

    backend: Literal["fastembed", "ollama", "openai"] = "fastembed"
    """`fastembed`: inside the service. `ollama`: at `OLLAMA_HOST`. `openai`: at `OPENAI_BASE_URL`."""
    model: str = ""
    """The model's name. Empty: all-MiniLM-L6-v2, nomic-embed-text or text-embedding-3-small."""
    model_path: AbsolutePath | None = None
    """A folder with the files of another model that fastembed supports as `EMBEDDING_MODEL`. Empty: the model of
    `llm/models.toml`.
    """
    threads: int = Field(default=0, ge=0)
    """CPU threads for documents. 0: half of the cores."""
    timeout: float = Field(default=60, gt=0)
    """Time limit of a server for one batch, in seconds."""


class RerankSettings(SettingsModel):
    """A cross-encoder that reranks the passages found for a question."""

    model: str = "Xenova/ms-marco-MiniLM-L-6-v2"
    """The model's name in fastembed."""
    model_path: AbsolutePath | None = None
    """The folder with its files. Empty: no reranking."""


class ModelSettings(SettingsModel):
    """Which backend is used for what."""

    llm_backend: Backend = "llamacpp"
    """Answers: `llamacpp` (inside the service), `ollama`, or `openai` (any server with OpenAI's API)."""
    coder_backend: OtherBackend = ""
    """Writes programs. Empty: `LLM_BACKEND`."""
    vision_backend: OtherBackend = ""
    """Views images. Empty: `LLM_BACKEND`."""
    models_dir: AbsolutePath | None = None
    """Where downloaded weights are stored. Empty: the per-user cache."""
    llamacpp: LlamaCppSettings = LlamaCppSettings()
    ollama: OllamaSettings = OllamaSettings()
    openai: OpenAISettings = OpenAISettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()


QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = QUOTA) -> int:
    """Physical cores, or fewer if the process is limited by its affinity or its container's quota (cgroup v2)."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, min(cores, _allowed(quota)))


def _allowed(quota: Path) -> int:
    try:
        most, period = quota.read_text().split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup v2, or "max"
        return os.cpu_count() or 1

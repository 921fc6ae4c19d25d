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
        raise ValueError("must hold no name and password: they would stand in logs")
    return url


def _known_backend(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"must be one of: {', '.join(BACKENDS)}")
    return name


def _known_or_empty(name: str) -> str:
    return _known_backend(name) if name else ""


def _at_least_one(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not urls:
        raise ValueError("must name a server")
    return urls


ServerUrl = Annotated[HttpUrl, AfterValidator(_without_login)]
"""Of a model server: it is named in the log."""
Backend = Annotated[str, AfterValidator(_known_backend)]
OtherBackend = Annotated[str, AfterValidator(_known_or_empty)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class LlamaCppSettings(SettingsModel):
    """llama.cpp, which runs a model inside the service."""

    model_path: AbsolutePath | None = None
    """A GGUF file. Empty: the default of `llm/models.toml`, downloaded if it is missing."""
    coder_model_path: AbsolutePath | None = None
    """A GGUF file of a model that writes programs. Empty: the model that answers does."""
    n_ctx: int = Field(default=8192, ge=512)
    """Context window of one request, in tokens."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Requests that are generated at the same time. Each of them keeps its window in memory: about 28 kB per token with
    the default model."""
    n_gpu_layers: int = Field(default=0, ge=-1)
    """Layers on a GPU (-1: all). Needs llama-cpp-python built for it."""
    n_threads: int = Field(default=0, ge=0)
    """CPU threads. 0: one per physical core that the process may use."""
    temperature: Temperature = 0.0
    """Used when a request sets none."""
    use_mmap: bool = True
    """Map the file into memory instead of reading it."""
    use_mlock: bool = False
    """Keep the weights from being swapped out."""
    low_vram: bool = False
    """Keep the KV cache in main memory even when layers are on a GPU."""
    vision_model_path: AbsolutePath | None = None
    """A GGUF file of a vision model; needs `LLAMACPP_VISION_MMPROJ_PATH` too. Without one, the agent still gets an
    image's text, size and colours."""
    vision_mmproj_path: AbsolutePath | None = None
    """The vision model's multimodal projector, a GGUF file of its own."""


class OllamaSettings(SettingsModel):
    """An Ollama server, by its own protocol."""

    host: ServerUrl = "http://127.0.0.1:11434"
    """Its address."""
    model: str = ""
    """The model that answers. Empty: the first one that Ollama has."""
    coder_model: str = ""
    """The model that writes programs. Empty: the one that answers."""
    vision_model: str = ""
    """The model that is shown images. Empty: none."""
    num_ctx: int = Field(default=0, ge=0)
    """Context window in tokens. 0: what the model supports, at most 16384."""
    temperature: Temperature | None = None
    """Used when a request sets none. Empty: the model's own in mode `chat`, 0 for the agent's calls. Models that think
    may need more (Qwen 3: 0.6)."""
    timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a reply is given up. A reply as a whole may take longer."""
    keep_alive: str = Field(default="", pattern=r"^(-?\d+(\.\d+)?(ms|s|m|h)?)?$")
    """How long a model stays loaded: `5m`, `1h`, `-1` for ever. Empty: Ollama's default."""
    think: Literal["", "true", "false", "low", "medium", "high"] = ""
    """`true`, `false`, `low`, `medium` or `high`. Empty: models that can think do."""
    pull: bool = False
    """Pull a model that is missing."""


class OpenAISettings(SettingsModel):
    """Servers with OpenAI's API: vLLM, SGLang, llama-server, LM Studio, hosted ones."""

    base_url: Annotated[tuple[ServerUrl, ...], AfterValidator(_at_least_one)] = ("https://api.openai.com/v1",)
    """Addresses, separated by commas, that serve the same models. A request goes to the least busy healthy one."""
    api_key: SecretStr = SecretStr("")
    """Their key."""
    model: str = ""
    """The model that answers. Empty: the first one that the server lists."""
    coder_model: str = ""
    """The model that writes programs. Empty: the one that answers."""
    vision_model: str = ""
    """The model that is shown images. Empty: none."""
    context_window: int = Field(default=0, ge=0)
    """Context window in tokens. 0: what the server says, else 8192."""
    temperature: Temperature | None = None
    """Used when a request sets none. Empty: the server's own in mode `chat`, 0 for the agent's calls."""
    timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a reply is given up. A reply as a whole may take longer."""


class EmbeddingSettings(SettingsModel):
    """The model that documents are searched with."""

    backend: Literal["fastembed", "ollama", "openai"] = "fastembed"
    """`fastembed`: inside the service. `ollama`: at `OLLAMA_HOST`. `openai`: at `OPENAI_BASE_URL`."""
    model: str = ""
    """Its name there. Empty: all-MiniLM-L6-v2, nomic-embed-text or text-embedding-3-small."""
    model_path: AbsolutePath | None = None
    """A folder with another model that fastembed knows as `EMBEDDING_MODEL`. Empty: the one of `llm/models.toml`."""
    threads: int = Field(default=0, ge=0)
    """CPU threads for documents. 0: half of the cores."""
    timeout: float = Field(default=60, gt=0)
    """Seconds that a server may take for one batch."""


class RerankSettings(SettingsModel):
    """A cross-encoder that reads question and passage together and puts the passages found in order."""

    model: str = "Xenova/ms-marco-MiniLM-L-6-v2"
    """Its name in fastembed."""
    model_path: AbsolutePath | None = None
    """The folder with its files. Empty: passages are not re-ranked."""


class ModelSettings(SettingsModel):
    """Which backend does what."""

    llm_backend: Backend = "llamacpp"
    """Answers: `llamacpp` (inside the service), `ollama`, or `openai` (any server with OpenAI's API)."""
    coder_backend: OtherBackend = ""
    """Writes programs. Empty: `LLM_BACKEND`."""
    vision_backend: OtherBackend = ""
    """Is shown images. Empty: `LLM_BACKEND`."""
    models_dir: AbsolutePath | None = None
    """Where downloaded weights are kept. Empty: the per-user cache."""
    llamacpp: LlamaCppSettings = LlamaCppSettings()
    ollama: OllamaSettings = OllamaSettings()
    openai: OpenAISettings = OpenAISettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()


QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = QUOTA) -> int:
    """Physical cores, or fewer where the process is bound to some or its container may use less (cgroup v2)."""
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

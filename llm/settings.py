"""Settings of the models."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil


@dataclass(frozen=True, slots=True)
class LlamaCppSettings:
    """How the embedded model is loaded and run."""

    model_path: Path | None = None
    """A GGUF file; unset means the default of `models.toml` in the per-user cache."""
    models_dir: Path | None = None
    """Where fetched weights are kept; unset means the per-user cache."""
    n_ctx: int = 8192
    """Context window of one request, in tokens."""
    parallel: int = 4
    """How many requests are generated side by side; each holds `n_ctx` tokens of memory."""
    n_gpu_layers: int = 0
    """Layers kept on a GPU (-1: all); needs llama-cpp-python built for it."""
    temperature: float = 0.0
    """Used when a request names none."""
    n_threads: int = 0
    """CPU threads (0: one a physical core that the process may use)."""
    use_mmap: bool = True
    """Map the file instead of reading it."""
    use_mlock: bool = False
    """Keep the weights from being swapped out."""
    low_vram: bool = False
    """Keep the KV cache in main memory even when layers are on a GPU."""


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """Where vectors come from."""

    backend: Literal["fastembed", "ollama", "openai"] = "fastembed"
    """In the service, or from a server."""
    model: str = ""
    """Its name there; empty means the default of `llm.vectors.base`."""
    model_path: Path | None = None
    """A folder of a model of your own that fastembed knows by `model`; unset means the one of `models.toml`."""
    models_dir: Path | None = None
    """Where fetched weights are kept; unset means the per-user cache."""
    threads: int = 0
    """CPU threads for documents (0: half of the cores)."""
    ollama_host: str = "http://127.0.0.1:11434"
    openai_base_url: str = "https://api.openai.com/v1"
    openai_api_key: str = field(default="", repr=False)
    timeout: float = 60.0
    """Seconds that a server may take for one batch."""
    rerank_model: str = "Xenova/ms-marco-MiniLM-L-6-v2"
    """A cross-encoder that fastembed knows."""
    rerank_path: Path | None = None
    """Its folder; unset means that nothing is re-ranked."""


@dataclass(frozen=True, slots=True)
class LlamaCppVisionSettings:
    """How the embedded model that sees is loaded; it serves one request at a time."""

    model: LlamaCppSettings
    """Its `model_path` is the model that sees; unset means that there is none."""
    mmproj_path: Path | None = None
    """The model's multimodal projector, a GGUF file of its own."""


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """Any servers with OpenAI's Chat Completions; all of them serve the same models."""

    base_urls: tuple[str, ...] = ("https://api.openai.com/v1",)
    api_key: str = field(default="", repr=False)
    model: str = ""
    """Empty: the first that the server lists."""
    coder_model: str = ""
    """Writes programs; empty: `model`."""
    vision_model: str = ""
    """Is shown images; empty: nothing is."""
    window: int = 0
    """Tokens of prompt and reply together; 0: what the server says, else 8192."""
    temperature: float | None = None
    """Used when a request names none; None: the server's own, but 0 for what an agent asks it."""
    timeout: float = 120.0
    """Seconds of silence, before the first piece of a reply or between two, after which it is given up."""


@dataclass(frozen=True, slots=True)
class OllamaSettings:
    """One Ollama, by its native protocol."""

    host: str = "http://127.0.0.1:11434"
    model: str = ""
    """Empty: the first that it has."""
    coder_model: str = ""
    """Writes programs; empty: `model`."""
    vision_model: str = ""
    """Is shown images; empty: nothing is."""
    num_ctx: int = 0
    """Tokens of prompt and reply together; 0: what the model can do, at most `llm.ollama.SANE_CTX`."""
    temperature: float | None = None
    """Used when a request names none; None: the model's own, but 0 for what an agent asks it."""
    timeout: float = 120.0
    """Seconds of silence, before the first piece of a reply or between two, after which it is given up."""
    keep_alive: str = ""
    """How long the model stays loaded, as Ollama writes it (5m, -1); empty: Ollama's own choice."""
    think: str = ""
    """true, false, low, medium or high; empty: models that can think do."""
    pull: bool = False
    """Pull a model that is missing."""


@dataclass(frozen=True, slots=True)
class ModelsSettings:
    """Which backend does what."""

    backend: str = "llamacpp"
    coder_backend: str = ""
    """Empty: `backend`."""
    vision_backend: str = ""
    """Empty: `backend`."""
    llamacpp: LlamaCppSettings = LlamaCppSettings()
    llamacpp_coder_path: Path | None = None
    """A GGUF file of a model that writes programs; unset: the one that answers does."""
    llamacpp_vision: LlamaCppVisionSettings = LlamaCppVisionSettings(LlamaCppSettings())
    ollama: OllamaSettings = OllamaSettings()
    openai: OpenAISettings = OpenAISettings()


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

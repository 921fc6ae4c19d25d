"""Settings: the only module that reads the environment (and `.env`)."""

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from llm import BACKENDS
from llm.settings import EmbeddingSettings, LlamaCppSettings, LlamaCppVisionSettings
from nodes.state import Limits
from tools import PRELOAD
from tools.files.cache import ProfileCache
from tools.vision.settings import VisionSettings
from tools.web.settings import WebSettings
from tools.workers import WorkerSettings
from workspace.jail.settings import JailSettings, SandboxMode
from workspace.retrieval.settings import RetrievalSettings
from workspace.settings import MIB, WorkspaceSettings


class SettingsError(Exception):
    """One clear line about a wrong value."""


def _known_backend(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"must be one of: {', '.join(BACKENDS)}")
    return name


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _is_http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


OptionalPath = Annotated[Path | None, BeforeValidator(_empty_is_none)]
HttpUrl = Annotated[str, AfterValidator(_is_http)]


class Settings(BaseSettings):
    """Every name in upper case is an environment variable; `.env.example` lists them all."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    server_host: str = "127.0.0.1"
    """Where to listen. Anything but a loopback address needs accounts, which do not exist yet."""
    server_port: int = Field(default=1007, ge=0, le=65535)
    """Port; 0 takes a free one."""
    data_dir: Path = Path("data")
    """Everything that the service keeps: database, session folders, logs."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_file: OptionalPath = None
    """Also log into this file."""

    llm_backend: Annotated[str, AfterValidator(_known_backend)] = "llamacpp"
    models_dir: OptionalPath = None
    """Where fetched weights are kept; empty means the per-user cache."""
    llamacpp_model_path: OptionalPath = None
    """A GGUF file of your own; empty means the default model, fetched when it is missing."""
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

    react_max_iterations: int = Field(default=6, ge=1, le=100)
    """Tool calls in one turn."""
    python_code_timeout: float = Field(default=60, gt=0)
    """Seconds that one program may run."""
    python_code_preload_libraries: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = (
        "pandas",
        "numpy",
        "matplotlib.pyplot",
    )
    """Imported when a session's Python starts."""

    web_search: Literal["auto", "tavily", "ddgs", "off"] = "auto"
    """`auto`: Tavily when there is a key, else ddgs, which needs none; `off`: no tool to search with."""
    tavily_api_key: SecretStr = SecretStr("")
    tavily_base_url: HttpUrl = "https://api.tavily.com"
    web_read_pages: bool = True
    """May pages, and images that messages name by their address, be fetched?"""
    web_timeout: float = Field(default=20, gt=0, le=300)
    """Seconds that one search, or one page with all its redirects, may take."""
    web_page_mb: int = Field(default=8, ge=1)
    """Largest page, as sent and again after decompression."""
    web_ports: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_split)] = (80, 443)
    """Ports that pages are fetched from."""
    web_proxy: Annotated[HttpUrl | None, BeforeValidator(_empty_is_none)] = None
    """Through which searches and pages go out; the environment's own proxies are never used."""
    web_allow_private_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    """`host` or `host:port` that may be fetched although it is inside. Dangerous: anybody who can ask a question can
    then read from it."""
    vision_max_side: int = Field(default=1280, ge=64, le=8192)
    """Pixels of the longer side of what a vision model is shown."""
    vision_timeout: float = Field(default=120, gt=0)
    """Seconds that a vision model may take for one answer."""

    max_upload_mb: int = Field(default=64, ge=1)
    """Largest single upload."""
    max_body_mb: int = Field(default=80, ge=1)
    """Largest whole request."""
    file_workers: int = Field(default=2, ge=1)
    """Files that are read at the same time, each in a process of its own."""
    file_read_seconds: float = Field(default=30, gt=0)
    """Time to find out what one file holds."""
    file_read_memory_mb: int = Field(default=1024, ge=64)
    """Memory that reading one file may take."""
    enable_file_metadata_cache: bool = True
    """Remember what files hold."""
    file_metadata_cache_ttl_hours: float = Field(default=24, gt=0)
    """For how long."""
    sandbox: SandboxMode = "auto"
    """`strict`: refuse to start unless every wall stands; `auto`: the strongest that this machine allows, refuse when
    there is none; `off`: no walls."""
    max_kernels: int = Field(default=32, ge=1)
    """Pythons alive at once; beyond it idle ones end, and then programs wait."""
    max_kernels_per_user: int = Field(default=16, ge=1)
    kernel_idle_minutes: float = Field(default=15, gt=0)
    """A Python idle for so long ends; its variables come back with the next program."""
    kernel_memory_mb: int = Field(default=2048, ge=256)
    """Memory of one session's processes together."""
    kernel_processes: int = Field(default=128, ge=16)
    kernel_cpu_seconds: int = Field(default=3600, ge=1)
    kernel_file_mb: int = Field(default=512, ge=1)
    """The largest file that a program may write."""
    kernel_folder_mb: int = Field(default=1024, ge=1)
    """All files of one session together."""
    kernel_folder_files: int = Field(default=10_000, ge=10)
    kernel_output_kb: int = Field(default=1024, ge=1)
    """Text that one program may print."""
    snapshot_mb: int = Field(default=2048, ge=1)
    """All kept variables of one session together; a single one may be a quarter of it."""

    embedding_backend: Literal["fastembed", "ollama", "openai"] = "fastembed"
    """Where vectors come from: the service itself, or a server."""
    embedding_model: str = ""
    """Its name there; empty means all-MiniLM-L6-v2, nomic-embed-text, or text-embedding-3-small."""
    embedding_model_path: OptionalPath = None
    """A folder with another model that fastembed knows by `EMBEDDING_MODEL`."""
    embedding_threads: int = Field(default=0, ge=0)
    """CPU threads for documents; 0: half of the cores."""
    embedding_timeout: float = Field(default=60, gt=0)
    """Seconds that a server may take for one batch."""
    ollama_host: HttpUrl = "http://127.0.0.1:11434"
    openai_base_url: HttpUrl = "https://api.openai.com/v1"
    openai_api_key: SecretStr = SecretStr("")
    rerank_model: str = "Xenova/ms-marco-MiniLM-L-6-v2"
    rerank_model_path: OptionalPath = None
    """A folder with the files of `RERANK_MODEL`; empty: nothing is re-ranked."""
    retrieval_passage_tokens: int = Field(default=200, ge=20, le=2000)
    """A passage is at most so long, in the embedding model's tokens."""
    retrieval_max_documents: int = Field(default=2000, ge=1)
    """Searchable documents of one user, and of one session; the newest are kept."""
    retrieval_max_passages: int = Field(default=4000, ge=1)
    """Of one document; the rest of it is not searched."""
    retrieval_wait: float = Field(default=60, gt=0)
    """Seconds that a search waits for documents that are being read."""

    @property
    def database(self) -> Path:
        return self.data_dir / "llm_api.sqlite"

    def user_dir(self, user: str) -> Path:
        """Everything of one user's that is not a session's."""
        return self.data_dir / "users" / user

    @property
    def loopback(self) -> bool:
        """Does the service listen to this machine alone?"""
        if self.server_host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.server_host).is_loopback
        except ValueError:
            return False

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

    def workspace(self) -> WorkspaceSettings:
        return WorkspaceSettings(
            sessions_dir=self.data_dir / "sessions",
            code_timeout=self.python_code_timeout,
            snapshots_dir=self.data_dir / "snapshots",
            jail=self.jail(),
            max_file_bytes=self.max_upload_mb * MIB,
            max_kernels=self.max_kernels,
            max_kernels_per_user=self.max_kernels_per_user,
            idle_seconds=self.kernel_idle_minutes * 60,
        )

    def jail(self) -> JailSettings:
        return JailSettings(
            sandbox=self.sandbox,
            preload=self.python_code_preload_libraries,
            memory=self.kernel_memory_mb * MIB,
            processes=self.kernel_processes,
            cpu_seconds=self.kernel_cpu_seconds,
            file_size=self.kernel_file_mb * MIB,
            folder_size=self.kernel_folder_mb * MIB,
            folder_files=self.kernel_folder_files,
            output_size=self.kernel_output_kb * 1024,
            snapshot_size=self.snapshot_mb * MIB,
            snapshot_variable_size=self.snapshot_mb * MIB // 4,
        )

    def workers(self, *, preload: bool) -> WorkerSettings:
        """Without `preload` each worker imports what it needs, which suits short lives."""
        return WorkerSettings(
            count=self.file_workers,
            seconds=self.file_read_seconds,
            memory=self.file_read_memory_mb * MIB,
            preload=PRELOAD if preload else (),
        )

    def profile_cache(self) -> ProfileCache | None:
        if not self.enable_file_metadata_cache:
            return None
        return ProfileCache(self.data_dir / "cache" / "files", self.file_metadata_cache_ttl_hours)

    def web(self) -> WebSettings:
        return WebSettings(
            search="auto" if self.web_search == "off" else self.web_search,
            tavily_api_key=self.tavily_api_key.get_secret_value(),
            tavily_base_url=self.tavily_base_url,
            timeout=self.web_timeout,
            proxy=self.web_proxy,
            ports=self.web_ports,
            private_hosts=tuple(host.lower() for host in self.web_allow_private_hosts),
            max_page_bytes=self.web_page_mb * MIB,
        )

    def vision(self) -> VisionSettings:
        return VisionSettings(max_side=self.vision_max_side, timeout=self.vision_timeout)

    def embeddings(self) -> EmbeddingSettings:
        return EmbeddingSettings(
            backend=self.embedding_backend,
            model=self.embedding_model,
            model_path=self.embedding_model_path,
            models_dir=self.models_dir,
            threads=self.embedding_threads,
            ollama_host=self.ollama_host,
            openai_base_url=self.openai_base_url,
            openai_api_key=self.openai_api_key.get_secret_value(),
            timeout=self.embedding_timeout,
            rerank_model=self.rerank_model,
            rerank_path=self.rerank_model_path,
        )

    def retrieval(self) -> RetrievalSettings:
        return RetrievalSettings(
            passage_tokens=self.retrieval_passage_tokens,
            readers=self.file_workers,
            max_documents=self.retrieval_max_documents,
            max_file_bytes=self.max_upload_mb * MIB,
            max_passages=self.retrieval_max_passages,
            wait_seconds=self.retrieval_wait,
        )

    @property
    def tools_off(self) -> frozenset[str]:
        """Names of the tools that are turned off."""
        off = {"web_search": self.web_search == "off", "read_page": not self.web_read_pages}
        return frozenset(name for name, is_off in off.items() if is_off)

    def limits(self) -> Limits:
        return Limits(max_iterations=self.react_max_iterations)


def load_settings() -> Settings:
    """Read `.env` and the environment. Raises `SettingsError` with one line that names the variable."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']} (got {first['input']!r})") from error
    if not settings.loopback:
        raise SettingsError(
            f"SERVER_HOST: {settings.server_host} can be reached by others, and the service has no accounts yet; "
            "use 127.0.0.1 or ::1"
        )
    return settings

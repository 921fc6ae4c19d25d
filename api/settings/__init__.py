"""Settings: the only package that reads the environment (and `.env`)."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from api.accounts.settings import AccountsConfig, Argon2
from api.settings.accounts import AccountSettings
from api.settings.agent import AgentSettings
from api.settings.kernels import KernelSettings
from api.settings.models import ModelSettings
from api.settings.parsing import OptionalPath
from api.settings.retrieval import SearchSettings
from api.settings.runs import RunSettings
from api.settings.tools import ToolSettings
from llm.settings import EmbeddingSettings
from tools.files.cache import ProfileCache
from workspace.retrieval.settings import RetrievalSettings
from workspace.settings import MIB, WorkspaceSettings

SECRETS = ("secret_key", "secret_key_previous", "admin_password", "tavily_api_key", "openai_api_key")


class SettingsError(Exception):
    """One clear line about a wrong value."""


class Settings(
    ModelSettings, AgentSettings, KernelSettings, ToolSettings, SearchSettings, AccountSettings, RunSettings
):
    """Every name in upper case is an environment variable; `.env.example` lists them all."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    server_host: str = "127.0.0.1"
    """Where to listen. On anything but a loopback address `AUTH_REQUIRED=auto` asks for a login."""
    server_port: int = Field(default=1007, ge=0, le=65535)
    """Port; 0 takes a free one."""
    data_dir: Path = Path("data")
    """Everything that the service keeps: database, session folders, logs."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    """`json`: one object a line."""
    log_file: OptionalPath = None
    """Also log into this file."""

    python_code_timeout: float = Field(default=60, gt=0)
    """Seconds that one program may run."""
    max_upload_mb: int = Field(default=64, ge=1)
    """Largest single upload."""
    max_body_mb: int = Field(default=80, ge=1)
    """Largest whole request."""
    upload_idle_seconds: float = Field(default=30, gt=0)
    """A request whose body makes no progress for so long is cut off."""
    user_storage_mb: int = Field(default=2048, ge=1)
    """What one user's uploads may take together."""
    user_max_files: int = Field(default=1000, ge=1)
    """How many uploads one user may keep."""

    @property
    def database(self) -> Path:
        return self.data_dir / "llm_api.sqlite"

    @property
    def audit_file(self) -> Path:
        return self.data_dir / "logs" / "audit.jsonl"

    @property
    def secret_file(self) -> Path:
        """Where the keys are that sign tokens, unless `SECRET_KEY` is given."""
        return self.data_dir / "secret.key"

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

    @property
    def login_required(self) -> bool:
        """`AUTH_REQUIRED`, with `auto` decided by where the service listens."""
        return self.auth_required == "true" or (self.auth_required == "auto" and not self.loopback)

    def accounts(self) -> AccountsConfig:
        return AccountsConfig(
            login_required=self.login_required,
            registration=self.allow_registration,
            token_seconds=round(self.token_hours * 3600),
            argon2=Argon2(memory_kib=self.argon2_memory_mb * 1024, passes=self.argon2_passes),
            quota=self.quota(),
        )

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

    def embeddings(self) -> EmbeddingSettings:
        return self.vectors(self.models_dir)

    def retrieval(self) -> RetrievalSettings:
        return self.passages(self.max_upload_mb * MIB, self.file_workers)

    def profile_cache(self) -> ProfileCache | None:
        if not self.enable_file_metadata_cache:
            return None
        return ProfileCache(self.data_dir / "cache" / "files", self.file_metadata_cache_ttl_hours)


def load_settings() -> Settings:
    """Read `.env` and the environment. Raises `SettingsError` with one line that names the variable."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        # An address may have a password in it.
        secret = name in SECRETS or "@" in str(first["input"])
        got = "" if secret else f" (got {first['input']!r})"
        raise SettingsError(f"{name.upper()}: {first['msg']}{got}") from None
    if not (settings.loopback or settings.login_required or settings.allow_open_network):
        raise SettingsError(
            f"AUTH_REQUIRED: without a login everybody who reaches {settings.server_host} may run programs here; "
            "if something else keeps others out, say so with ALLOW_OPEN_NETWORK=true"
        )
    if settings.secret_key_previous is not None and settings.secret_key is None:
        raise SettingsError("SECRET_KEY_PREVIOUS: stands alone; SECRET_KEY is the one that signs")
    if "*" in settings.cors_origins and not settings.login_required:
        raise SettingsError("CORS_ORIGINS: * needs AUTH_REQUIRED=true; any page could run programs here otherwise")
    return settings

"""Settings of accounts."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from workspace.settings_model import SettingsModel

MIN_SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes; `openssl rand -hex 32` generates one")
    return secret


SigningSecret = Annotated[SecretStr, AfterValidator(_long_enough)]


class Argon2Settings(SettingsModel):
    """Cost of a password check (Argon2id). The defaults are those of RFC 9106 for machines with little memory."""

    memory_mb: int = Field(default=64, ge=1, le=4096)
    """Memory, in MB."""
    passes: int = Field(default=3, ge=1, le=100)
    """Number of passes."""


class Quota(SettingsModel):
    """Limits per user. 0 means no limit. Administrators can override them for single users."""

    requests_per_minute: int = Field(default=120, ge=0)
    """Requests per minute."""
    concurrent_runs: int = Field(default=4, ge=0)
    """Concurrent answers."""
    tokens_per_day: int = Field(default=0, ge=0)
    """Tokens per day, prompts and replies together. A day starts at midnight UTC."""
    disk_mb: int = Field(default=4096, ge=0)
    """Total size of a user's files and sessions, in MB."""


class AccountSettings(SettingsModel):
    """Who may use the service."""

    auth_required: Literal["auto", "true", "false"] = "auto"
    """`auto`: a login is required unless the service listens only on loopback. `true`: always. `false`: never."""
    allow_open_network: bool = False
    """Allow running without a login on an address that others can reach. Access must then be restricted by other means.
    """
    allow_registration: bool = True
    """Whether anyone can create an account, with the role `user`. If not, only administrators can."""
    allow_model_choice: bool = True
    """Whether users can choose another of the backend's models. If not, only administrators can."""
    admin_username: str = ""
    """An administrator to create at startup, if there is no such user."""
    admin_password: SecretStr | None = None
    """The administrator's password."""
    secret_key: SigningSecret | None = None
    """Signs tokens; at least 32 bytes. Empty: created at the first start and kept in `DATA_DIR/secret.key`."""
    secret_key_previous: SigningSecret | None = None
    """The previous key. Tokens signed with it stay valid until they expire."""
    token_hours: float = Field(default=24, gt=0, le=24 * 366)
    """How long a login token is valid, in hours."""
    argon2: Argon2Settings = Argon2Settings()

    @property
    def token_seconds(self) -> int:
        return round(self.token_hours * 3600)

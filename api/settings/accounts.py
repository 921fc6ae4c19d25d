"""Who may come in, from where, and how much they may use."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from api.accounts.settings import Quota
from api.settings.parsing import empty_is_none, split

MIN_SECRET_BYTES = 32


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes; `openssl rand -hex 32` makes one")
    return secret


def _networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        ipaddress.ip_network(address)  # its ValueError says what is wrong
    return addresses


Secret = Annotated[SecretStr | None, empty_is_none, AfterValidator(_long_enough)]
Names = Annotated[tuple[str, ...], NoDecode, split]


class AccountSettings(BaseSettings):
    """Accounts, tokens, quotas, and who is listened to."""

    auth_required: Literal["auto", "true", "false"] = "auto"
    """`auto`: yes, unless the service listens on loopback only."""
    allow_open_network: bool = False
    """Start without a login on an address that others reach; something else has to keep them out."""
    allow_registration: bool = True
    """May anybody make an account, with the role `user`? If not, only administrators can."""
    allow_model_choice: bool = True
    """May users answer with another model than the default one? If not, only administrators can."""
    secret_key: Secret = None
    """Signs tokens; empty: made at the first start and kept in `DATA_DIR/secret.key`."""
    secret_key_previous: Secret = None
    """The key before: its tokens stay good until they expire."""
    token_hours: float = Field(default=24, gt=0, le=24 * 366)
    """A token of a login is good for so long."""
    admin_username: str = ""
    """Made at the start, with `ADMIN_PASSWORD`, when there is no such user."""
    admin_password: Annotated[SecretStr | None, empty_is_none] = None
    argon2_memory_mb: int = Field(default=64, ge=1, le=4096)
    """Memory that the check of one password takes."""
    argon2_passes: int = Field(default=3, ge=1, le=100)

    allowed_hosts: Names = ()
    """Host names that requests may name; `*.example.org` is every name below it. Empty: every name where a login is
    required, this machine's own where it is not."""
    cors_origins: Names = ()
    """Web pages of these origins may speak to the service; empty: none."""
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = ()
    """Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

    user_requests_per_minute: int = Field(default=120, ge=0)
    """Per user; 0: without limit. An administrator can give a user limits of their own."""
    user_concurrent_runs: int = Field(default=4, ge=0)
    user_tokens_per_day: int = Field(default=0, ge=0)
    user_disk_mb: int = Field(default=4096, ge=0)
    """Own files and sessions together."""

    def quota(self) -> Quota:
        """For users without limits of their own."""
        return Quota(
            requests_per_minute=self.user_requests_per_minute,
            concurrent_runs=self.user_concurrent_runs,
            tokens_per_day=self.user_tokens_per_day,
            disk_mb=self.user_disk_mb,
        )

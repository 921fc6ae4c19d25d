"""Account setup at startup: the signing keys and the first administrator."""

import asyncio
import logging
from pathlib import Path

from api.accounts.authentication import Accounts
from api.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from api.accounts.settings import AccountSettings
from api.accounts.tokens import GivenKeys, KeyFile, SigningKeyError, SigningKeys, Tokens
from checkpoints.store import Store
from checkpoints.users import USER_NAME
from workspace.settings_model import SettingsError

log = logging.getLogger(__name__)


async def open_accounts(
    settings: AccountSettings, secret_file: Path, store: Store, *, login_required: bool
) -> tuple[Accounts, SigningKeys]:
    """The accounts and their signing keys. Raises `SettingsError` if the keys or the administrator do not match the
    settings.
    """
    try:
        keys = await asyncio.to_thread(signing_keys, settings, secret_file)
    except SigningKeyError as error:
        raise SettingsError(f"SECRET_KEY is not set, and {error}") from error
    tokens = Tokens(keys, settings.token_seconds)
    accounts = Accounts(settings, store.users, store.api_keys, tokens, login_required=login_required)
    await _first_admin(settings, store, accounts)
    return accounts, keys


def signing_keys(settings: AccountSettings, secret_file: Path) -> SigningKeys:
    """From the environment if set, otherwise from the file. Raises `SigningKeyError`."""
    if settings.secret_key is None:
        return KeyFile(secret_file)
    previous = settings.secret_key_previous
    return GivenKeys(settings.secret_key.get_secret_value(), previous.get_secret_value() if previous else None)


async def _first_admin(settings: AccountSettings, store: Store, accounts: Accounts) -> None:
    """Create `ADMIN_USERNAME`, unless the user exists; an existing user is not changed."""
    name = settings.admin_username
    if not name:
        return
    if not USER_NAME.fullmatch(name):
        raise SettingsError("ADMIN_USERNAME: use up to 64 letters, digits, dots, dashes and underscores")
    if await store.users.by_name(name) is not None:
        return
    password = settings.admin_password.get_secret_value() if settings.admin_password else ""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SettingsError(f"ADMIN_PASSWORD: must have {MIN_LENGTH} to {MAX_LENGTH} characters to create {name}")
    stored = await accounts.passwords.hash(password)
    if await store.users.create(name, stored, "admin") is not None:
        log.info("created the administrator %s", name)

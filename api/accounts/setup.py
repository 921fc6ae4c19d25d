"""Accounts at the start of the service: the keys that sign, and the first administrator."""

import asyncio
import logging

from api.accounts.authentication import Accounts
from api.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from api.accounts.tokens import GivenKeys, KeyFile, SigningKeyError, SigningKeys, Tokens
from api.settings import Settings, SettingsError
from checkpoints.store import Store
from checkpoints.users import USER_NAME

log = logging.getLogger(__name__)


async def open_accounts(settings: Settings, store: Store) -> Accounts:
    """Raises `SettingsError` when keys or administrator cannot be as the settings have them."""
    try:
        keys = await asyncio.to_thread(signing_keys, settings)
    except SigningKeyError as error:
        raise SettingsError(f"SECRET_KEY is not set, and {error}") from error
    accounts = Accounts(
        settings.accounts,
        store.users,
        store.api_keys,
        Tokens(keys, settings.accounts.token_seconds),
        login_required=settings.login_required,
    )
    await _first_admin(settings, store, accounts)
    return accounts


def signing_keys(settings: Settings) -> SigningKeys:
    """From the environment when they are there, from the file otherwise. Raises `SigningKeyError`."""
    if settings.accounts.secret_key is None:
        return KeyFile(settings.secret_file)
    previous = settings.accounts.secret_key_previous
    return GivenKeys(settings.accounts.secret_key.get_secret_value(), previous.get_secret_value() if previous else None)


async def _first_admin(settings: Settings, store: Store, accounts: Accounts) -> None:
    """`ADMIN_USERNAME`, unless there is such a user: then nothing of them is changed."""
    name = settings.accounts.admin_username
    if not name:
        return
    if not USER_NAME.fullmatch(name):
        raise SettingsError("ADMIN_USERNAME: up to 64 letters, digits, dots, dashes and underscores")
    if await store.users.by_name(name) is not None:
        return
    password = settings.accounts.admin_password.get_secret_value() if settings.accounts.admin_password else ""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SettingsError(f"ADMIN_PASSWORD: {name} is to be made, with {MIN_LENGTH} to {MAX_LENGTH} characters")
    stored = await accounts.passwords.hash(password)
    if await store.users.create(name, stored, "admin") is not None:
        log.info("made the administrator %s", name)

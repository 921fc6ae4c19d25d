"""`python -m api admin …`: manages accounts from the command line, whether or not the service is running."""

import argparse
import asyncio
import getpass
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from api.accounts.passwords import MAX_LENGTH, MIN_LENGTH, Passwords
from api.accounts.tokens import KeyFile, SigningKeyError
from api.middleware.audit_log import AuditLog
from api.settings import Settings
from checkpoints.store import Store, open_store
from checkpoints.users import LOCAL, ROLES, USER_NAME, Account, LastAdminError


class CommandError(Exception):
    """The command cannot be carried out; the message is one line."""


def main(arguments: Sequence[str], settings: Settings) -> int:
    """Returns 0, or 1 with a one-line message on failure."""
    given = parser().parse_args(arguments)
    audit = AuditLog(settings.audit_file)
    try:
        said = given.act(given, settings)
        if given.action != "list":
            audit.write(user="command line", action=f"admin {given.action}", target=getattr(given, "name", None))
    except (CommandError, LastAdminError, SigningKeyError) as error:
        sys.stderr.write(f"llm-api: {error}\n")
        return 1
    finally:
        audit.close()
    sys.stdout.write(said)
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m api", description="Without arguments, starts the service.")
    groups = top.add_subparsers(required=True, metavar="admin")
    admin = groups.add_parser("admin", help="manage accounts and signing keys")
    actions = admin.add_subparsers(dest="action", required=True)

    def action(name: str, words: str, act: Callable[..., str], *, named: bool = True) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=words, description=words)
        made.set_defaults(act=act)
        if named:
            made.add_argument("name", metavar="NAME")
        return made

    create = action("create", "create an account", _create)
    create.add_argument("--role", choices=ROLES, default="admin", help="the role (default: admin)")
    reset = action("reset-password", "set a new password and revoke all tokens", _reset)
    for command in (create, reset):
        command.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    action("list", "list all accounts", _list, named=False)
    action("disable", "disable an account", _disable)
    action("enable", "enable an account", _enable)
    rotate = action("rotate-secret", "sign tokens with a new key", _rotate, named=False)
    rotate.add_argument(
        "--at-once",
        action="store_true",
        help="invalidate tokens signed with the old key now instead of when they expire",
    )
    return top


def _with_store(settings: Settings, work: Callable[[Store], Coroutine[Any, Any, str]]) -> str:
    async def run() -> str:
        async with open_store(settings.database) as store:
            return await work(store)

    return asyncio.run(run())


def _create(given: argparse.Namespace, settings: Settings) -> str:
    if not USER_NAME.fullmatch(given.name) or given.name.lower() == LOCAL.name:
        raise CommandError(
            "a name may have up to 64 letters, digits, dots, dashes and underscores, and must not be 'local'"
        )
    password = _password(given)

    async def work(store: Store) -> str:
        stored = await Passwords(settings.accounts.argon2).hash(password)
        account = await store.users.create(given.name, stored, given.role)
        if account is None:
            raise CommandError(f"the user {given.name} already exists")
        return f"{account.user.name} is {account.user.role}\n"

    return _with_store(settings, work)


def _reset(given: argparse.Namespace, settings: Settings) -> str:
    password = _password(given)

    async def work(store: Store) -> str:
        account = await _named(store, given.name)
        await store.users.set_password(account.id, await Passwords(settings.accounts.argon2).hash(password))
        return f"the password of {account.user.name} was changed\n"

    return _with_store(settings, work)


def _list(_given: argparse.Namespace, settings: Settings) -> str:
    async def work(store: Store) -> str:
        lines, after = [f"{'name':<24} {'role':<6} {'state':<9} {'created':<11} last seen"], ""
        while accounts := await store.users.page(after=after):
            lines += [_line(account) for account in accounts]
            after = accounts[-1].user.name
        return "\n".join(lines) + "\n"

    return _with_store(settings, work)


def _disable(given: argparse.Namespace, settings: Settings) -> str:
    return _switch(given.name, settings, disabled=True)


def _enable(given: argparse.Namespace, settings: Settings) -> str:
    return _switch(given.name, settings, disabled=False)


def _switch(name: str, settings: Settings, *, disabled: bool) -> str:
    async def work(store: Store) -> str:
        account = await _named(store, name)
        await store.users.change(account.id, disabled=disabled)
        return f"{account.user.name} is now {'disabled' if disabled else 'enabled'}\n"

    return _with_store(settings, work)


def _rotate(given: argparse.Namespace, settings: Settings) -> str:
    if settings.accounts.secret_key is not None:
        raise CommandError("SECRET_KEY is set: move it to SECRET_KEY_PREVIOUS, set a new one and restart")
    keep = 0 if given.at_once else settings.accounts.token_seconds
    key = KeyFile(settings.secret_file).rotate(keep)
    until = f"until {_when(time.time() + keep)} UTC" if keep else "no longer"
    return f"tokens are now signed with key {key.kid}; those signed with the old key are valid {until}\n"


async def _named(store: Store, name: str) -> Account:
    account = await store.users.by_name(name)
    if account is None:
        raise CommandError(f"there is no user {name}")
    return account


def _password(given: argparse.Namespace) -> str:
    if given.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {given.name}: ")
        if password != getpass.getpass("Once more: "):
            raise CommandError("the passwords do not match")
    else:
        raise CommandError("there is no terminal to ask for the password; use --password-stdin")
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise CommandError(f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    return password


def _line(account: Account) -> str:
    state = "disabled" if account.disabled else "enabled"
    seen = _when(account.seen) if account.seen else "never"
    return f"{account.user.name:<24} {account.user.role:<6} {state:<9} {_when(account.created)[:10]:<11} {seen}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))

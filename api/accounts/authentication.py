"""Authentication: registration, login, and the token or API key of each request."""

import re
from dataclasses import dataclass, replace

from starlette.datastructures import Headers

from api.accounts.login_backoff import Attempts, Rule, network_of
from api.accounts.passwords import Passwords
from api.accounts.settings import AccountSettings
from api.accounts.tokens import BadTokenError, Tokens
from api.errors import ApiError, bad_request
from checkpoints.api_keys import KEY, ApiKeys
from checkpoints.users import LOCAL, Access, Account, Role, User, Users

RESERVED = {"local", "admin", "administrator", "root", "system", "guest", "anonymous", "me"}
"""Names that nobody can register, because they suggest special rights."""
LOOKS_LIKE_OURS = re.compile(r"sk-[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
RULES = {
    "pair": Rule(free=5, longest=900),  # one account from one address
    "account": Rule(free=20, longest=30),  # short, so that strangers cannot lock people out
    "address": Rule(free=50, longest=900),
    "register": Rule(free=20, longest=900),
}


@dataclass(frozen=True, slots=True)
class Login:
    """A new token and its user."""

    token: str
    account: Account


class Accounts:
    """Determines the user of a request."""

    def __init__(
        self, settings: AccountSettings, users: Users, api_keys: ApiKeys, tokens: Tokens, *, login_required: bool
    ) -> None:
        """If not `login_required`, requests without a token act as the user `local`."""
        self.passwords = Passwords(settings.argon2)
        self._settings = settings
        self._login_required = login_required
        self._users = users
        self._api_keys = api_keys
        self._tokens = tokens
        self._attempts = Attempts(RULES)

    async def authenticate(self, headers: Headers) -> User:
        """The user, from the headers of a request or WebSocket handshake. Raises 401.

        If no login is required, requests act as `local` if they have no token or one that cannot be ours: clients that
        insist on an API key send any word.
        """
        token = _bearer(headers)
        if not self._login_required and (token is None or not LOOKS_LIKE_OURS.fullmatch(token)):
            return LOCAL
        if token is None:
            raise unauthorized("Log in, and send the token or an API key as Authorization: Bearer.", "missing_api_key")
        key, account = await self._by_key(token) if KEY.fullmatch(token) else (None, await self._by_token(token))
        if account is None or account.disabled:
            raise unauthorized("This token or API key is invalid or has expired.", "invalid_api_key")
        await self._users.saw(account)
        return replace(account.user, access=Access(account.generation, key))

    async def register(self, name: str, password: str, address: str) -> Account:
        """Register a new account with the role `user`. Raises 403, 409, 429."""
        if not self._settings.allow_registration:
            raise ApiError(403, "Ask an administrator for an account.", code="registration_closed")
        if name.lower() in RESERVED:
            raise _taken()
        self._slow(("register", network_of(address)))
        return await self.create(name, password, "user")

    async def create(self, name: str, password: str, role: Role) -> Account:
        """Create an account. Raises 409 if the name is taken."""
        if name.lower() == LOCAL.name:
            raise _taken()
        stored = await self.passwords.hash(password)
        account = await self._users.create(name, stored, role)
        if account is None:
            raise _taken()
        return account

    async def login(self, name: str, password: str, address: str) -> Login:
        """A token for a correct name and password. Raises 401 if they are wrong, 429 after too many attempts."""
        who, where = name.lower(), network_of(address)
        own, wide = [("pair", who, where), ("account", who)], ("address", where)
        self._slow(*own, wide)
        account = await self._users.by_name(name)
        right = await self.passwords.verify(password, account.password if account else None)
        if account is None or not right or account.disabled:
            raise unauthorized("Incorrect user name or password.", "invalid_credentials")
        self._attempts.forgive(*own)
        self._attempts.forgive_one(wide)
        await self._users.saw(account)
        return Login(self._tokens.issue(account), account)

    async def change_password(self, user: User, old: str, new: str, address: str) -> Login:
        """Change the password and return a new token; earlier tokens become invalid. Raises 400, 401, 429."""
        pair = ("pair", user.name.lower(), network_of(address))
        self._slow(pair)
        account = await self._users.by_id(user.id)
        right = await self.passwords.verify(old, account.password if account else None)
        if account is None or not right:
            raise bad_request("The old password is incorrect.", "old_password", "invalid_credentials")
        self._attempts.forgive(pair)
        changed = await self.set_password(user.id, new)
        if changed is None:
            raise unauthorized("This account no longer exists.", "invalid_api_key")
        return Login(self._tokens.issue(changed), changed)

    async def set_password(self, user_id: str, password: str) -> Account | None:
        """Returns None if there is no such user."""
        return await self._users.set_password(user_id, await self.passwords.hash(password))

    @property
    def token_seconds(self) -> int:
        return self._tokens.seconds

    def _slow(self, *keys: tuple[str, ...]) -> None:
        wait = self._attempts.take(*keys)
        if wait > 0:
            raise ApiError(
                429,
                "Too many attempts; try again later.",
                kind="rate_limit_error",
                code="too_many_attempts",
                headers={"Retry-After": str(int(wait) + 1)},
            )

    async def _by_key(self, text: str) -> tuple[str | None, Account | None]:
        """`(the key's ID, its owner's account)`."""
        found = await self._api_keys.find(text)
        if found is None:
            return None, None
        key, owner = found
        return key, await self._users.by_id(owner)

    async def _by_token(self, token: str) -> Account | None:
        try:
            claim = self._tokens.verify(token)
        except BadTokenError:
            return None
        account = await self._users.by_id(claim.user_id)
        return account if account is not None and account.generation == claim.generation else None


def unauthorized(message: str, code: str) -> ApiError:
    return ApiError(401, message, kind="authentication_error", code=code, headers={"WWW-Authenticate": "Bearer"})


def _taken() -> ApiError:
    return ApiError(409, "This name is taken.", param="username", code="name_taken")


def _bearer(headers: Headers) -> str | None:
    """The token, or None. A request with contradictory headers has none."""
    given = headers.getlist("authorization")
    kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return token.strip() or None if kind.lower() == "bearer" else None

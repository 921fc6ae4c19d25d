"""Tokens of a login: JWTs (RFC 7519), signed with HS256, good for some hours."""

import secrets
import time
from dataclasses import dataclass

import jwt

from api.accounts.signing import SigningKeys
from checkpoints.users import Account

ALGORITHM = "HS256"
NAME = "llm-api"
CLAIMS = ("exp", "iat", "nbf", "iss", "aud", "sub", "gen", "jti")
LEEWAY_SECONDS = 5
"""Clocks of replicas may differ by so much."""


class BadTokenError(Exception):
    """Forged, expired, or not one of ours."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a valid token says: the user, and the generation of their tokens that it belongs to."""

    user_id: str
    generation: int


class Tokens:
    """Issues and verifies. Whether the user still exists, and is of that generation, is asked elsewhere."""

    def __init__(self, keys: SigningKeys, seconds: int) -> None:
        self._keys = keys
        self.seconds = seconds

    def issue(self, account: Account) -> str:
        key, now = self._keys.all()[0], int(time.time())
        claims = {
            "iss": NAME,
            "aud": NAME,
            "sub": account.id,
            "gen": account.generation,
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str) -> Claim:
        """Raises `BadTokenError`. The algorithm is ours, whatever the token says of it."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((key for key in self._keys.all() if key.kid == kid), None)
            if key is None:
                raise BadTokenError("no such key")
            claims = jwt.decode(
                token,
                key.secret,
                algorithms=[ALGORITHM],
                audience=NAME,
                issuer=NAME,
                leeway=LEEWAY_SECONDS,
                options={"require": list(CLAIMS)},
            )
        except jwt.InvalidTokenError as error:
            raise BadTokenError(str(error)) from error
        generation = claims["gen"]
        if type(generation) is not int:
            raise BadTokenError("gen is no number")
        return Claim(claims["sub"], generation)

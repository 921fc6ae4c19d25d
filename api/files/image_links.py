"""Signed, expiring links to images that the agent created, so that chat windows can show them.

A browser that renders Markdown sends no token with an image. The link is a JWT (RFC 7519) for one file of one session.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import jwt

from api.accounts.tokens import ALGORITHM, SigningKeys
from api.files.downloads import INLINE
from nodes.state import Step

AUDIENCE = "llm-api image"
"""Differs from that of login tokens, so that neither can be used in place of the other."""
SHOWN = 4
"""How many images of an answer are linked; all of them are artifacts."""


@dataclass(frozen=True, slots=True)
class ImageLinks:
    """Creates and verifies the links."""

    keys: SigningKeys
    hours: float
    """0: no links."""

    def token(self, session_id: str, name: str) -> str:
        key = self.keys.all()[0]
        claims = {"aud": AUDIENCE, "sub": session_id, "file": name, "exp": int(time.time() + self.hours * 3600)}
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.kid})

    def read(self, token: str) -> tuple[str, str] | None:
        """`(session, file)`; None for a forged or expired token."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((key for key in self.keys.all() if key.kid == kid), None)
            if key is None:
                return None
            required = ["aud", "sub", "file", "exp"]
            claims = jwt.decode(
                token, key.secret, algorithms=[ALGORITHM], audience=AUDIENCE, options={"require": required}
            )
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"]), str(claims["file"])

    def markdown(self, session_id: str, steps: Sequence[Step], base: str) -> str:
        """The images of the steps as Markdown, to append to an answer; empty if there are none."""
        if not self.hours:
            return ""
        found = {ref["filename"]: ref["mime"] for step in steps for ref in step["artifacts"]}
        images = [name for name, mime in found.items() if mime in INLINE][-SHOWN:]
        lines = [f"![{_alt(name)}]({base}/api/images/{self.token(session_id, name)})" for name in images]
        return "".join(f"\n\n{line}" for line in lines)


def _alt(name: str) -> str:
    """The alternative text; a program chose the file name, so it must not close the brackets."""
    return "".join(char if char.isalnum() or char in " ._-" else "_" for char in name)

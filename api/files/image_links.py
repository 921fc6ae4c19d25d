"""Links to images that the agent made: signed, good for some hours, so that a chat window can show them.

A browser that shows Markdown sends no token with an image. The link is a JWT (RFC 7519) for one file of one session.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import jwt

from api.accounts.tokens import ALGORITHM, SigningKeys
from api.files.downloads import INLINE
from nodes.state import Step

AUDIENCE = "llm-api image"
"""Another than that of a login's tokens: neither can stand in for the other."""
SHOWN = 4
"""Images of one answer that are linked; all of them are its artifacts."""


@dataclass(frozen=True, slots=True)
class ImageLinks:
    """Writes and reads the links."""

    keys: SigningKeys
    hours: float
    """Zero: there are none."""

    def token(self, session_id: str, name: str) -> str:
        key = self.keys.all()[0]
        claims = {"aud": AUDIENCE, "sub": session_id, "file": name, "exp": int(time.time() + self.hours * 3600)}
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.kid})

    def read(self, token: str) -> tuple[str, str] | None:
        """`(session, file)`; None for what is forged or has expired."""
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
        """The images of the steps as Markdown, to stand behind an answer; empty when there are none."""
        if not self.hours:
            return ""
        found = {ref["filename"]: ref["mime"] for step in steps for ref in step["artifacts"]}
        images = [name for name, mime in found.items() if mime in INLINE][-SHOWN:]
        lines = [f"![{_alt(name)}]({base}/api/images/{self.token(session_id, name)})" for name in images]
        return "".join(f"\n\n{line}" for line in lines)


def _alt(name: str) -> str:
    """A program named the file: nothing in it may end the brackets."""
    return "".join(char if char.isalnum() or char in " ._-" else "_" for char in name)

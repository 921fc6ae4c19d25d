"""The continuation of an answer that has been cut off."""

from collections.abc import Callable

MIN_REPEATED = 40
"""Characters of an answer from which on a reply that begins with it repeats it."""


class Continuation:
    """Passes on a reply without the answer that it continues: models that cannot continue a text write it again."""

    def __init__(self, answer: str, send: Callable[[str], None]) -> None:
        self._answer = answer.strip()
        self._send = send
        self._held = ""
        self._open = len(self._answer) < MIN_REPEATED
        self.text = ""

    def write(self, piece: str) -> None:
        if self._open:
            self._pass(piece)
            return
        self._held += piece
        said = self._held.lstrip()
        if said.startswith(self._answer):
            self._held, self._open = "", True
            self._pass(said[len(self._answer) :])
        elif not self._answer.startswith(said):
            self.close()

    def close(self) -> None:
        """The reply has ended, or differs from the answer."""
        held, self._held, self._open = self._held, "", True
        self._pass(held)

    def _pass(self, text: str) -> None:
        if text:
            self.text += text
            self._send(text)

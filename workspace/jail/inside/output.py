"""Limits a cell's output before it leaves the kernel."""

from typing import Any

from ipykernel.iostream import OutStream
from jupyter_client.session import Session

_SHORT = 10_000
_VALUES = {"execute_result", "display_data", "update_display_data"}


class Budget:
    """How many characters the current cell may still print."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size

    def renew(self) -> None:
        """Reset for a new cell."""
        self._left = self._size

    def take(self, text: str) -> str:
        """The part of `text` that fits; the first part that does not fit is replaced with a note."""
        if self._left < 0:
            return ""
        self._left -= len(text)
        if self._left >= 0:
            return text
        return text[: len(text) + self._left] + f"\n[output cut after {self._size} characters]\n"


def _note(content: Any, size: int) -> dict[str, Any]:
    """A small content in place of one of `size` bytes."""
    note = f"[{size >> 20} MB, too much to show]"
    told = content if isinstance(content, dict) else {}
    small = {name: value for name, value in told.items() if isinstance(value, str) and len(value) <= _SHORT}
    if "evalue" in told:
        return {"evalue": str(told["evalue"])[:_SHORT], "traceback": [], **small}
    return {"data": {"text/plain": note}, "metadata": {}, "text": note, **small}


class BudgetedStream(OutStream):  # type: ignore[misc]
    """The kernel's stdout or stderr, within a budget."""

    def __init__(self, session: Session, thread: Any, name: str, budget: Budget) -> None:
        self._budget = budget
        super().__init__(session, thread, name)

    def write(self, string: str) -> int:
        """Pass on what fits; the rest is dropped as if it had been written."""
        if isinstance(string, str):
            fitting = self._budget.take(string)
            if fitting:
                super().write(fitting)
            return len(string)
        super().write(string)  # raises the error that callers expect
        return 0


class CutSession(Session):
    """Truncates single values that are too long to show, such as the text of a list of millions.

    The server takes a longer message for an attack.
    """

    longest = 1 << 20
    """Characters of a text."""

    message_size = 8 << 20
    """Bytes of a message."""

    def send(self, stream: Any, msg_or_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Like `Session.send`, with the texts of displayed values cut to `longest` characters."""
        if isinstance(msg_or_type, dict) and msg_or_type.get("msg_type") in _VALUES:
            content = msg_or_type["content"]
            content["data"] = {kind: self._cut(kind, value) for kind, value in content["data"].items()}
        return super().send(stream, msg_or_type, *args, **kwargs)

    def serialize(self, msg: dict[str, Any], ident: list[bytes] | bytes | None = None) -> list[bytes]:
        """Like `Session.serialize`; what is too large for a message is replaced with a note."""
        frames = super().serialize(msg, ident)
        if (size := sum(map(len, frames))) <= self.message_size:
            return frames
        return super().serialize({**msg, "content": _note(msg["content"], size)}, ident)

    def _cut(self, kind: str, value: Any) -> Any:
        if kind.startswith("text/") and isinstance(value, str) and len(value) > self.longest:
            return value[: self.longest] + f"\n[cut: {len(value)} characters in all]"
        return value

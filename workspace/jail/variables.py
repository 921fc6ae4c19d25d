"""Descriptions of a session's variables."""

import json
from dataclasses import asdict, dataclass, replace

HIDDEN_TYPES = ("module",)
"""Types of variables that are not listed."""
_LONGEST_TEXT = 300
_MOST = 10_000


@dataclass(frozen=True)
class Variable:
    """One top-level name in a session."""

    name: str
    type: str
    shape: str
    """In numpy's notation, or the length of a container; empty for everything else."""

    size: int
    """Bytes in memory, as far as this can be determined cheaply."""

    detail: str
    """Columns of a table, or a short plain value, so that generated code uses it correctly."""

    kept: bool
    """Whether the last snapshot has it or, after a restore, whether it was restored."""

    reason: str = ""
    """Why it was not saved."""


@dataclass(frozen=True)
class Report:
    """The result of a snapshot, a restore or a listing."""

    variables: tuple[Variable, ...]

    @property
    def lost(self) -> dict[str, str]:
        """Names that were not saved, with the reason."""
        return {v.name: v.reason for v in self.variables if not v.kept}

    def with_fates_of(self, earlier: "Report | None") -> "Report":
        """The same variables, with `kept` and `reason` from an earlier report."""
        fates = {v.name: v for v in earlier.variables} if earlier else {}
        return Report(
            tuple(
                replace(v, kept=fates[v.name].kept, reason=fates[v.name].reason) if v.name in fates else v
                for v in self.variables
            )
        )

    def to_json(self) -> bytes:
        """The serialized report."""
        return json.dumps([asdict(v) for v in self.variables[:_MOST]]).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Report":
        """Parse a report from a sandboxed kernel, which is untrusted. Raises ValueError if it is invalid."""
        raw = json.loads(text)
        if not isinstance(raw, list) or len(raw) > _MOST:
            raise ValueError("not a list of variables")
        return cls(tuple(_variable(entry) for entry in raw))


def _variable(raw: object) -> Variable:
    if not isinstance(raw, dict):
        raise ValueError("a variable is not an object")  # noqa: TRY004  one error for all wrong input
    size = raw.get("size")
    return Variable(
        name=_text(raw, "name"),
        type=_text(raw, "type"),
        shape=_text(raw, "shape"),
        size=size if isinstance(size, int) and size >= 0 else 0,
        detail=_text(raw, "detail"),
        kept=raw.get("kept") is True,
        reason=_text(raw, "reason"),
    )


def _text(raw: dict[object, object], key: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} of a variable is not text")  # noqa: TRY004
    return value[:_LONGEST_TEXT]

"""What a run has used so far, against what it may: calls of the model, tokens, time."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """One a run, shared by the steps of a plan. `max_tokens` counts what the model reads and writes."""

    max_calls: int = 40
    max_tokens: int = 120_000
    max_seconds: float = 900.0
    calls: int = 0
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)

    def spend(self, tokens: int) -> None:
        """One call of the model has ended."""
        self.calls += 1
        self.tokens += tokens

    @property
    def spent(self) -> bool:
        """Is it time to answer with what there is?"""
        late = time.monotonic() - self.began >= self.max_seconds
        return late or self.calls >= self.max_calls or self.tokens >= self.max_tokens

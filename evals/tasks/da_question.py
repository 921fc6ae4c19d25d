"""One data-analysis question, as the agent sees it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """`form` describes the slots; `answers` are their expected values, correct to `decimals`."""

    file: str
    question: str
    constraints: str
    form: str
    answers: Mapping[str, float | str]
    decimals: int = 2

    @property
    def text(self) -> str:
        return (
            f"{self.question}\nConstraints: {self.constraints}\nGive the answer in this format: {self.form}\n"
            f"The data is in the file {self.file}."
        )

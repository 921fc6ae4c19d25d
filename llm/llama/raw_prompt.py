"""Prompts without a chat template: text to continue, or a gap to fill in."""

from dataclasses import dataclass

from llm.errors import InfillUnsupportedError
from llm.llama.native import NativeModel


@dataclass(frozen=True, slots=True)
class RawPrompt:
    """Text that the model continues; with `suffix`, it writes what is missing between the two."""

    text: str
    suffix: str | None = None


def raw_tokens(prompt: RawPrompt, model: NativeModel) -> list[int]:
    """Raises `InfillUnsupportedError` for a suffix if the model has no tokens for it."""
    marks = model.infill_marks
    if prompt.suffix is not None:
        if marks is None:
            raise InfillUnsupportedError("This model cannot fill in text before a suffix.")
        before, behind, middle = marks
        text, suffix = (model.tokenize(part, control=False) for part in (prompt.text, prompt.suffix))
        return [*model.first_tokens, before, *text, behind, *suffix, middle]
    # Editors that know the model write its marks into the prompt themselves.
    marked = marks is not None and any(model.text_of(mark) in prompt.text for mark in marks)
    tokens = [*model.first_tokens, *model.tokenize(prompt.text, control=marked)]
    return tokens or [model.neutral_token]

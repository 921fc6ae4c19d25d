"""Chat messages → tokens, through the template that the model file carries.

Only the template itself may speak in control tokens. The text of a message is tokenized apart, as plain text,
so that nobody can end a turn or speak as the system by writing `<|im_end|>` into a question or a file.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Never, TypedDict

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm.errors import ModelDamagedError

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class ChatTurn(TypedDict):
    role: str
    content: str


class PromptTemplate:
    """Renders turns into tokens. `tokenize(text, control=...)` is the model's own."""

    def __init__(self, source: str | None, *, bos: str, eos: str, tokenize: Callable[[str, bool], list[int]]) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        try:
            self._template = environment.from_string(source or CHATML)
        except TemplateError as error:
            raise ModelDamagedError(f"The model's chat template cannot be read: {error}") from error
        self._names = {"bos_token": bos, "eos_token": eos}
        self._tokenize = tokenize

    def tokens(self, turns: Sequence[ChatTurn]) -> list[int]:
        """Tokens of the whole prompt, ready for the assistant's turn."""
        tokens: list[int] = []
        for part, index in self.pieces([turn["role"] for turn in turns]):
            tokens += self._tokenize(part, True)
            if index is not None:
                tokens += self._tokenize(turns[index]["content"], False)
        return tokens

    def pieces(self, roles: Sequence[str]) -> list[tuple[str, int | None]]:
        """The template's own text for turns of these roles, each piece with the index of the turn that follows it."""
        mark = secrets.token_hex(8)
        marked = [ChatTurn(role=role, content=f"[{mark}:{at}]") for at, role in enumerate(roles)]
        return _split(self._template.render(messages=marked, add_generation_prompt=True, **self._names), mark)


def _split(text: str, mark: str) -> list[tuple[str, int | None]]:
    """The template's own text, each piece with the index of the message that follows it."""
    pieces = re.split(rf"\[{mark}:(\d+)\]", text)
    indexes: list[int | None] = [int(i) for i in pieces[1::2]]
    return list(zip(pieces[::2], [*indexes, None], strict=True))


def _refuse(message: str) -> Never:
    raise ModelDamagedError(f"The model's chat template refuses this conversation: {message}")

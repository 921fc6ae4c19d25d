"""Converts chat messages to tokens, with the chat template in the model file.

Only the template can produce control tokens. The text of a message is tokenized separately, as plain text, so that
nobody can end a turn or speak as the system by writing `<|im_end|>` into a question, a file or a tool's description.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Never, NotRequired, TypedDict

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm.errors import ModelDamagedError

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class ChatTurn(TypedDict):
    """`tool_calls` are in OpenAI's format, with the arguments as an object."""

    role: str
    content: str
    tool_calls: NotRequired[list[dict[str, Any]]]


class PromptTemplate:
    """Renders turns as tokens. `tokenize(text, control=...)` is the model's own."""

    def __init__(self, source: str | None, *, bos: str, eos: str, tokenize: Callable[[str, bool], list[int]]) -> None:
        source = source or CHATML
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        environment.filters["tojson"] = _to_json
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelDamagedError(f"The model's chat template cannot be read: {error}") from error
        self._names = {"bos_token": bos, "eos_token": eos}
        self._tokenize = tokenize
        self.speaks_tools = "<tool_call>" in source and "<function=" not in source
        """Whether it shows tools to the model, which then calls them in the format of `llm.parsing.tool_calls`."""

    def tokens(
        self, turns: Sequence[ChatTurn], tools: Sequence[Mapping[str, Any]] = (), *, continues: bool = False
    ) -> list[int]:
        """Tokens of the whole prompt, up to the assistant's turn. `tools` are in OpenAI's format. With `continues`, the
        last turn is the assistant's, and the prompt ends with its text.
        """
        if continues:
            return self.tokens(turns[:-1], tools) + self._tokenize(turns[-1]["content"], False)
        marks = _Marks(self._is_plain)
        shown = [self._marked(turn, marks) for turn in turns]
        tokens: list[int] = []
        for part, index in self._render(shown, marks.mark, tools=[marks.leaves(dict(tool)) for tool in tools]):
            tokens += self._tokenize(part, True)
            if index is not None:
                tokens += self._tokenize(marks.texts[index], False)
        return tokens

    def pieces(self, roles: Sequence[str]) -> list[tuple[str, int | None]]:
        """The template's own text for turns with these roles, each piece with the index of the turn that follows it."""
        marks = _Marks(self._is_plain)
        return self._render([ChatTurn(role=role, content=marks.text("")) for role in roles], marks.mark)

    def _marked(self, turn: ChatTurn, marks: "_Marks") -> ChatTurn:
        calls = turn.get("tool_calls")
        if not calls:
            return ChatTurn(role=turn["role"], content=marks.text(turn["content"]))
        content = marks.text(turn["content"]) if turn["content"] else ""
        return ChatTurn(role=turn["role"], content=content, tool_calls=marks.leaves(calls))

    def _is_plain(self, text: str) -> bool:
        """Whether no part of it would be recognized as a control token."""
        return self._tokenize(text, True) == self._tokenize(text, False)

    def _render(self, turns: Sequence[ChatTurn], mark: str, tools: Sequence[Any] = ()) -> list[tuple[str, int | None]]:
        try:
            text = self._template.render(
                messages=turns, tools=list(tools) or None, add_generation_prompt=True, **self._names
            )
        except TemplateError as error:
            raise ModelDamagedError(f"The model's chat template fails: {error}") from error
        return _split(text, mark)


class _Marks:
    """Placeholders for texts that are tokenized separately."""

    def __init__(self, is_plain: Callable[[str], bool]) -> None:
        self.mark = secrets.token_hex(8)
        self.texts: list[str] = []
        self._is_plain = is_plain

    def text(self, text: str) -> str:
        self.texts.append(text)
        return f"[{self.mark}:{len(self.texts) - 1}]"

    def leaves(self, value: Any) -> Any:
        """`value` with each string, including keys, that contains control tokens replaced by a mark."""
        if isinstance(value, str):
            return value if self._is_plain(value) else self.text(value)
        if isinstance(value, Mapping):
            return {self.leaves(key): self.leaves(one) for key, one in value.items()}
        return [self.leaves(one) for one in value] if isinstance(value, list) else value


def _split(text: str, mark: str) -> list[tuple[str, int | None]]:
    """The template's own text, each piece with the index of the message that follows it."""
    pieces = re.split(rf"\[{mark}:(\d+)\]", text)
    indexes: list[int | None] = [int(i) for i in pieces[1::2]]
    return list(zip(pieces[::2], [*indexes, None], strict=True))


def _to_json(value: Any, indent: int | None = None) -> str:
    """In the format of the models' training data: jinja's own filter escapes `<` and quotes for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> Never:
    raise ModelDamagedError(f"The model's chat template rejects this conversation: {message}")

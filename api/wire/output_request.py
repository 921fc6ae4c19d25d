"""Requested output besides text: the client's tools and the response format."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from llm.errors import SchemaError
from llm.parsing.json_schema import MAX_COUNT, MAX_REPEATED, check_size, check_strict

MAX_TOOLS = 128
NAME = r"^[a-zA-Z0-9_.-]{1,64}$"


def _at_most(most: int) -> AfterValidator:
    def checked(schema: dict[str, Any]) -> dict[str, Any]:
        try:
            check_size(schema, most)
        except SchemaError as error:
            raise ValueError(str(error)) from error
        return schema

    return AfterValidator(checked)


ToolSchema = Annotated[dict[str, Any], _at_most(MAX_COUNT)]
AnswerSchema = Annotated[dict[str, Any], _at_most(MAX_REPEATED)]


class Function(BaseModel):
    name: str = Field(pattern=NAME)
    description: str | None = Field(default=None, max_length=20_000)
    parameters: ToolSchema | None = None
    """A JSON schema of an object; without one, the function has no parameters."""
    strict: bool | None = None


class FunctionTool(BaseModel):
    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    name: str


class NamedTool(BaseModel):
    type: Literal["function"]
    function: NamedFunction


class AllowedTools(BaseModel):
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1, max_length=MAX_TOOLS)


class AllowedChoice(BaseModel):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


def _kind_of_choice(choice: Any) -> str:
    if isinstance(choice, str):
        return "(word)"
    kind = choice.get("type") if isinstance(choice, dict) else getattr(choice, "type", None)
    return "(allowed)" if kind == "allowed_tools" else "(tool)"


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("(word)")]
    | Annotated[NamedTool, Tag("(tool)")]
    | Annotated[AllowedChoice, Tag("(allowed)")],
    Discriminator(_kind_of_choice),
]


class NamedSchema(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(pattern=NAME)
    description: str | None = None
    schema_: AnswerSchema | None = Field(default=None, alias="schema")
    strict: bool | None = None

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> "NamedSchema":
        if self.strict and self.schema_ is not None:
            try:
                check_strict(self.schema_)
            except SchemaError as error:
                raise ValueError(f"schema: {error}") from error
        return self


class TextFormat(BaseModel):
    type: Literal["text"]


class ObjectFormat(BaseModel):
    type: Literal["json_object"]


class SchemaFormat(BaseModel):
    type: Literal["json_schema"]
    json_schema: NamedSchema


def _kind_of_format(form: Any) -> str | None:
    kind = form.get("type") if isinstance(form, dict) else getattr(form, "type", None)
    return {"text": "(text)", "json_object": "(object)", "json_schema": "(schema)"}.get(str(kind))


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("(text)")]
    | Annotated[ObjectFormat, Tag("(object)")]
    | Annotated[SchemaFormat, Tag("(schema)")],
    Discriminator(
        _kind_of_format,
        custom_error_type="unknown_format",
        custom_error_message="the type must be text, json_object or json_schema",
    ),
]


class OutputRequest(BaseModel):
    """Requested output besides text: client tools and the response format."""

    tools: list[FunctionTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None

    @field_validator("tools")
    @classmethod
    def _named_apart(cls, tools: list[FunctionTool] | None) -> list[FunctionTool] | None:
        names = [tool.function.name for tool in tools or []]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two tools are named {twice!r}")
        return tools

    @cached_property
    def own_tools(self) -> tuple[dict[str, Any], ...]:
        """The client tools that the model may call, in OpenAI's format."""
        given = self.tools if self.tools and self.tool_choice != "none" else []
        allowed = self._chosen if isinstance(self.tool_choice, AllowedChoice) else None
        return tuple(
            tool.model_dump(exclude_none=True) for tool in given if allowed is None or tool.function.name in allowed
        )

    @property
    def choice(self) -> str | dict[str, Any]:
        match self.tool_choice:
            case NamedTool() as chosen:
                return chosen.model_dump()
            case AllowedChoice(allowed_tools=allowed):
                return allowed.mode
            case word:
                return word or "auto"

    @property
    def must_call(self) -> bool:
        """Whether `tool_choice` requires a call of a client tool."""
        return bool(self.own_tools) and self.choice != "auto"

    @property
    def _chosen(self) -> list[str]:
        """The names in `tool_choice`."""
        match self.tool_choice:
            case NamedTool(function=function):
                return [function.name]
            case AllowedChoice(allowed_tools=allowed):
                return [tool.function.name for tool in allowed.tools]
        return []

    @cached_property
    def wanted_format(self) -> dict[str, Any] | None:
        """None for plain text."""
        if self.response_format is None or isinstance(self.response_format, TextFormat):
            return None
        return self.response_format.model_dump(by_alias=True, exclude_none=True)

    def check_choice(self) -> None:
        """Raise ValueError if `tool_choice` names a missing tool."""
        names = [tool.function.name for tool in self.tools or []]
        if missing := [name for name in self._chosen if name not in names]:
            raise ValueError(f"tool_choice names {missing[0]!r}, which is not in tools")
        if self.tool_choice == "required" and not names:
            raise ValueError("tool_choice is required, but tools is empty")

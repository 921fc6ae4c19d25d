"""Validates what a client of LangGraph's API sends to a run: the input and the values of the context."""

from collections.abc import Mapping
from typing import TypeVar

from langchain_core.messages import HumanMessage, convert_to_messages
from langgraph.types import Command
from pydantic import TypeAdapter, ValidationError

from graph import MODES
from nodes.state import Limits, Sampling

EXAMPLE = '{"messages": [{"role": "user", "content": "…"}]}'
Options = TypeVar("Options", Sampling, Limits)


class RunInputError(ValueError):
    """A one-line message that names what is wrong in the input or the context of a run."""


def check_input(value: object) -> None:
    """Raises `RunInputError` unless `value` starts a turn, or continues the thread: None or a command."""
    if value is None or isinstance(value, Command):
        return
    if not isinstance(value, Mapping):
        raise RunInputError(f"The input must be an object such as {EXAMPLE}.")
    messages = value.get("messages")
    try:
        said = convert_to_messages(messages if isinstance(messages, list) else [messages]) if messages else []
    except KeyError as error:
        raise RunInputError(f"messages: {error} is missing.") from None
    except (TypeError, AttributeError):
        raise RunInputError(f"messages: must be messages as in {EXAMPLE}.") from None
    except (ValueError, NotImplementedError) as error:
        raise RunInputError(f"messages: {_first_line(error)}") from None
    if not any(isinstance(message, HumanMessage) and message.content for message in said):
        raise RunInputError(f"messages: must contain a message of the user, as in {EXAMPLE}.")
    if (mode := value.get("wanted_mode")) is not None and mode not in list(MODES):
        raise RunInputError(f"wanted_mode: must be one of {', '.join(MODES)}.")


def options(kind: type[Options], name: str, defaults: Options, given: object) -> Options:
    """`defaults` with the values in `given`, which the context has as `name`. Raises `RunInputError`."""
    if given is None:
        return defaults
    adapter = TypeAdapter(kind)
    known = adapter.dump_python(defaults)
    if not isinstance(given, Mapping):
        raise RunInputError(f"context.{name}: must be an object.")
    if unknown := sorted(map(str, given.keys() - known.keys())):
        raise RunInputError(f"context.{name}.{unknown[0]}: there is no such value; known: {', '.join(known)}.")
    try:
        return adapter.validate_python(known | given)
    except ValidationError as error:
        raise RunInputError(f"context.{name}.{_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"

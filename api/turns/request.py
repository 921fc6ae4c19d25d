"""A chat request from JSON or from a form: the same fields, the same checks."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.errors import ApiError, bad_request
from api.files.form_receiver import MAX_FIELD_BYTES, MAX_FIELDS, Received, read_whole
from api.services import Services
from api.turns.session_claim import Point
from api.wire.chat_request import REFUSED, ChatRequest

JSON_FIELDS = ("messages", "metadata", "stream_options", "response_format", "tools", "tool_choice")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked request and the files that came with it."""

    chat: ChatRequest
    files: list[Received]
    point: Point | None = None
    """The end of an earlier turn: the messages come after it."""
    instructions: str = ""
    """For this turn alone."""
    only_tools: frozenset[str] | None = None
    """Names of our tools that the turn may use; None: all."""


@asynccontextmanager
async def read_chat(request: Request, services: Services, user: str) -> AsyncIterator[Incoming]:
    """Read and check the body; its files are there for as long as the block runs. Raises 400, 408, 413 or 429."""
    kind = content_type(request)
    if kind == "multipart/form-data":
        async with services.intake.receive(request, user) as form:
            yield Incoming(checked(_fields(form.fields)), form.files)
        return
    if kind == "application/x-www-form-urlencoded":
        body = await read_whole(request, services.settings.uploads.upload_idle_seconds)
        yield Incoming(checked(_fields(_urlencoded(body))), [])
        return
    yield Incoming(checked(await read_object(request, services)), [])


async def read_object(request: Request, services: Services) -> dict[str, Any]:
    """The body as a JSON object. Raises 400, 408 or 413."""
    if content_type(request) not in ("application/json", ""):
        raise bad_request("Send application/json or multipart/form-data.", code="unsupported_media_type")
    body = await read_whole(request, services.settings.uploads.upload_idle_seconds)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise bad_request("The body must be a JSON object.")
    return fields


def content_type(request: Request) -> str:
    """Without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    if len(body) > MAX_FIELD_BYTES:
        raise ApiError(413, "The form is too large; send JSON.", code="form_too_large")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise bad_request(f"The form cannot be read: {error}") from error


def _fields(given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {name: _field(name, value) for name, value in given}


def _field(name: str, text: str) -> Any:
    """A form's field: JSON text where the contract says so, or where it looks like a list."""
    if name in JSON_FIELDS or (name == "stop" and text.startswith("[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise bad_request(f"The field {name!r} is not valid JSON: {error}", name) from error
    if name in REFUSED:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    return text or None


def checked(fields: dict[str, Any]) -> ChatRequest:
    """Raises 400 that names the field."""
    for name, harmless in REFUSED.items():
        if fields.get(name) not in harmless:
            raise bad_request(f"{name} is not supported by this service", name, "unsupported_field")
    try:
        chat = ChatRequest.model_validate({k: v for k, v in fields.items() if v is not None})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    try:
        chat.check_choice()
    except ValueError as error:
        raise bad_request(str(error), "tool_choice") from error
    return chat


def incoming_of(fields: dict[str, Any]) -> Incoming:
    """A request that came by another way than a body. Raises 400."""
    return Incoming(checked(fields), [])

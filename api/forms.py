"""A chat request from JSON or from a form: the same fields, the same checks."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from api.errors import bad_request
from api.schemas import REFUSED, ChatRequest

JSON_FIELDS = ("messages", "metadata", "stream_options", "response_format", "tools", "tool_choice")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
MAX_FILES = 50
MAX_FIELDS = 50
MAX_FIELD_BYTES = 16 << 20
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked request and the files that came with it."""

    chat: ChatRequest
    files: list[UploadFile]


@asynccontextmanager
async def read_chat(request: Request) -> AsyncIterator[Incoming]:
    """Read and check the body; uploads are open for as long as the block runs. Raises 400, 413 or 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORMS:
        try:
            form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
        except MultiPartException as error:
            raise bad_request(f"The form cannot be read: {error.message}") from error
        try:
            fields: dict[str, Any] = {}
            files: list[UploadFile] = []
            for name, value in form.multi_items():
                if not isinstance(value, UploadFile):
                    fields[name] = _field(name, value)
                elif name in ("files", "file", "files[]"):
                    files.append(value)
                else:
                    raise bad_request(f"Files belong into the field 'files', not {name!r}.", "files")
            yield Incoming(_checked(fields), files)
        finally:
            await form.close()
        return
    if kind not in ("application/json", ""):
        raise bad_request("Send application/json or multipart/form-data.", code="unsupported_media_type")
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    yield Incoming(_checked(body), [])


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


def _checked(fields: dict[str, Any]) -> ChatRequest:
    for name, harmless in REFUSED.items():
        if fields.get(name) not in harmless:
            raise bad_request(f"{name} is not supported by this service yet", name, "unsupported_field")
    try:
        return ChatRequest.model_validate({k: v for k, v in fields.items() if v is not None})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


async def chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    """The upload in pieces, so that a large one never stands in memory."""
    while data := await upload.read(CHUNK):
        yield data

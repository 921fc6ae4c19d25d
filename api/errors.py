"""Translates exceptions to HTTP responses. The only other place that translates errors is `nodes/tool_call.py`.

Every error has OpenAI's format: `{"error": {"message", "type", "param", "code"}}`.
"""

import errno
import logging
import sqlite3
from collections.abc import Iterator, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from llm.errors import BackendStoppedError, ModelError, PromptTooLongError, SchemaError
from workspace.errors import BadNameError, FileTooLargeError, WorkspaceError

log = logging.getLogger(__name__)

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
FULL_DATABASE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ApiError(Exception):
    """An error whose message is shown to the client."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers

    def body(self) -> dict[str, dict[str, str | None]]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        """In OpenAI's error format, with these headers and the error's own."""
        return JSONResponse(self.body(), self.status, headers={**(headers or {}), **(self.headers or {})})


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, param=param, code=code)


def not_found(what: str, param: str | None = None) -> ApiError:
    return ApiError(404, f"No such {what}.", param=param, code="not_found")


def to_api_error(error: Exception) -> ApiError:
    """Known errors keep their message; anything else is logged and reported as an internal error without details."""
    return disk_full() if disk_is_full(error) else _known(error)


def _known(error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case ModelError():
            return _from_model(error)
        case FileTooLargeError():
            return ApiError(413, str(error), param="files", code="file_too_large")
        case BadNameError():
            return not_found("file")
        case WorkspaceError():
            return ApiError(503, str(error), kind="service_unavailable", code="workspace_error")
        case RequestValidationError() | ValidationError():
            return _from_validation(error)
        case ClientDisconnect():
            return ApiError(400, "The client disconnected.", code="client_disconnected")
        case HTTPException() if isinstance(error.__cause__, ApiError):
            return error.__cause__  # FastAPI hides errors that come up while it reads the body
        case HTTPException():
            return ApiError(error.status_code, str(error.detail), headers=error.headers)
        case _:
            log.error("unexpected error", exc_info=error)
            return ApiError(500, "An internal error occurred; see the service's log.", kind="server_error")


def disk_full() -> ApiError:
    message = "The service's disk is full. Delete files or conversations, or ask the operator for more space."
    return ApiError(507, message, kind="server_error", code="disk_full", headers={"X-Should-Retry": "false"})


def disk_is_full(error: BaseException) -> bool:
    """Whether the cause is a full disk or an exhausted quota of the file system."""
    return any(_is_about_space(cause) for cause in _causes(error))


def _is_about_space(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in FULL_DATABASE
    return isinstance(error, OSError) and error.errno in FULL_DISK


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it groups, and their causes, which may lead back to it."""
    ahead, seen = [error], set[int]()
    while ahead:
        cause = ahead.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        ahead += cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        ahead += [cause.__cause__] if cause.__cause__ is not None else []


def _from_model(error: ModelError) -> ApiError:
    if isinstance(error, PromptTooLongError):
        return bad_request(str(error), "messages", "context_length_exceeded")
    if isinstance(error, SchemaError):
        return bad_request(str(error), code="invalid_schema")
    code = "shutting_down" if isinstance(error, BackendStoppedError) else "model_error"
    return ApiError(503, str(error), kind="service_unavailable", code=code)


def _unrouted(request: Request, error: HTTPException) -> ApiError:
    """No route matched; the router itself only knows the methods of the first route with this path."""
    path, method = request.url.path, request.method
    missing = ApiError(404, f"There is no {method} {path}.", code="not_found", headers=error.headers)
    if error.status_code == 404:
        return missing
    scopes = {name: {**request.scope, "method": name} for name in METHODS}
    routes = request.app.routes
    methods = [name for name, scope in scopes.items() if any(one.matches(scope)[0] is Match.FULL for one in routes)]
    if not methods:
        return missing
    allowed = ", ".join(methods)
    message = f"{method} is not allowed for {path}; use {allowed}."
    return ApiError(405, message, code="method_not_allowed", headers={"Allow": allowed})


SOURCES = ("body", "query", "path", "header")


def _from_validation(error: RequestValidationError | ValidationError) -> ApiError:
    first = error.errors()[0]
    where = [part for part in map(str, first["loc"]) if part not in SOURCES and not part.startswith("(")]
    param = ".".join(where) or None
    message = first["msg"].removeprefix("Value error, ")
    return bad_request(f"{param}: {message}" if param else message, param)


def install(app: FastAPI) -> None:
    """Register handlers that answer every exception in OpenAI's error format."""

    async def handler(request: Request, error: Exception) -> JSONResponse:
        known = to_api_error(error)
        if isinstance(error, HTTPException) and error.status_code in (404, 405):
            known = _unrouted(request, error)
        return known.response()

    for kind in (
        ApiError,
        ModelError,
        WorkspaceError,
        RequestValidationError,
        HTTPException,
        ClientDisconnect,
        OSError,
        sqlite3.Error,
        Exception,
    ):
        app.add_exception_handler(kind, handler)

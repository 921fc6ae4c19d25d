"""Logs as text or JSON lines, each with the ID of its request."""

import json
import logging
import time
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler

from api.middleware.settings import LogSettings

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Set by `api.middleware.request_context` for everything caused by a request."""

TEXT = "%(asctime)s %(levelname)-7s %(name)s [%(request)s]: %(message)s"
CHATTY = ("httpx", "uvicorn.error", "asyncio", "aiosqlite")


class Texts(logging.Formatter):
    """One line per record. Line breaks in messages, which may come from a user, are escaped."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        record.request = request_id.get()
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return super().formatMessage(record).replace("\n", "\\n").replace("\r", "\\r")


class Json(logging.Formatter):
    """One object per record, including the `extra` fields of the access log."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "request": request_id.get(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(settings: LogSettings) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if settings.file is not None:
        settings.file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(settings.file, maxBytes=10 << 20, backupCount=3))
    for handler in handlers:
        handler.setFormatter(Json() if settings.format == "json" else Texts())
    logging.basicConfig(level=settings.level, handlers=handlers)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))

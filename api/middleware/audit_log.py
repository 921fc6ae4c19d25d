"""The audit log: who did what, when and from where, as JSON lines in `data/logs/audit.jsonl`; never content."""

import asyncio
import json
import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from typing_extensions import override

log = logging.getLogger(__name__)

MAX_BYTES = 10 << 20
KEPT_FILES = 10
MAX_VALUE = 200


class _File(RotatingFileHandler):
    """What a full disk refuses stays in memory and is written with the next entry."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        log.warning("an entry of the audit log could not be written yet", exc_info=True)

    @override
    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            log.warning("the last entries of the audit log could not be written: %s", error)


class AuditLog:
    """Appends entries. Full files are rotated to `audit.jsonl.1` and so on; the oldest is deleted."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._handler = _File(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def write(self, **entry: str | int | None) -> None:
        """`entry` has what is known of user, action, target, status, from, request."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"at": at, **{k: v[:MAX_VALUE] if isinstance(v, str) else v for k, v in entry.items()}}
        text = json.dumps(line)
        self._handler.handle(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))

    async def record(self, **entry: str | int | None) -> None:
        """Like `write`, for coroutines."""
        await asyncio.to_thread(self.write, **entry)

    def close(self) -> None:
        self._handler.close()

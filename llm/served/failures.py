"""Translates errors of model servers into messages for the operator of the service."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from llm.errors import MalformedCallError, ModelError, ServerUnreachableError
from llm.served.reply import ServedReply

PATIENCE = 10.0
"""Longest `Retry-After` of a busy server, in seconds, that is waited for."""
MAX_NAMED = 20
_MALFORMED = re.compile(
    r"(?:error|failed to|cannot|could not) pars\w+ (?:the )?(?:tool[ _]calls?|input at pos)|tool[ _]call parsing failed"
    r"|arguments:.*are not (?:valid JSON|a string)|^XML syntax error",
    re.IGNORECASE | re.DOTALL,
)
"""As worded by Ollama (including its parsers for specific models), llama-server and LangChain."""
_RAW = (
    re.compile(r"raw='(.*?)'(?:, err=.*)?$", re.DOTALL),
    re.compile(r"input at pos \d+: (.*)", re.DOTALL),
    re.compile(r"arguments:\s+(.*?)\s+are not", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and whether a retry may help: `at_once` without a pause, or after `wait` seconds at least."""

    error: ModelError
    again: bool = False
    at_once: bool = False
    wait: float = 0.0


def named(models: Iterable[str]) -> str:
    """The first of them, for an error message."""
    first = list(islice(models, MAX_NAMED + 1))
    return ", ".join([*first[:MAX_NAMED], *(["…"] if len(first) > MAX_NAMED else [])])


def busy(words: str, seconds: float) -> Failure:
    """The server is overloaded. Its requested wait is respected, up to a limit."""
    told = f" It asks for {seconds:.0f} seconds." if seconds >= 1 else ""
    return Failure(
        ModelError(f"The model server is busy: {words[:500]}{told}"), again=seconds <= PATIENCE, wait=seconds
    )


def untrusted(error: BaseException | None) -> str | None:
    """The problem with a server's TLS, which a retry does not solve; None for other errors."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The model server's certificate is not trusted: {error.verify_message}"
    return "The TLS handshake with the model server failed; check http:// or https:// and the port"


def malformed_call(words: str) -> Failure | None:
    """The error of a server that cannot parse a tool call of its model. The same request would fail again, so the
    caller must change it.
    """
    if not _MALFORMED.search(words):
        return None
    raw = next((found[1] for form in _RAW if (found := form.search(words))), "")
    return Failure(MalformedCallError("The model's tool call cannot be parsed.", raw))


def cut_off(reply: ServedReply) -> Failure:
    """The connection was closed before the end of the reply."""
    words = "during its reply" if reply.begun else "without a reply"
    return Failure(ServerUnreachableError(f"The model server closed the connection {words}. Try again."), again=True)

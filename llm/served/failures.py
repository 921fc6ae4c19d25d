"""What the errors of model servers mean, in words for the person who runs the service."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from llm.errors import MalformedCallError, ModelError, ServerUnreachableError
from llm.served.reply import ServedReply

PATIENCE = 10.0
"""Seconds that a busy server may ask to be left alone for, without an error."""
MAX_NAMED = 20
_MALFORMED = re.compile(
    r"(?:error|failed to|cannot|could not) pars\w+ (?:the )?(?:tool[ _]calls?|input at pos)|tool[ _]call parsing failed"
    r"|arguments:.*are not (?:valid JSON|a string)|^XML syntax error",
    re.IGNORECASE | re.DOTALL,
)
"""As Ollama (also of what its parsers for single models say), llama-server and LangChain put it."""
_RAW = (
    re.compile(r"raw='(.*?)'(?:, err=.*)?$", re.DOTALL),
    re.compile(r"input at pos \d+: (.*)", re.DOTALL),
    re.compile(r"arguments:\s+(.*?)\s+are not", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in our words, and whether asking again may help: `at_once` without a pause, or after `wait`
    seconds at least."""

    error: ModelError
    again: bool = False
    at_once: bool = False
    wait: float = 0.0


def named(models: Iterable[str]) -> str:
    """The first of them, for an error's text."""
    first = list(islice(models, MAX_NAMED + 1))
    return ", ".join([*first[:MAX_NAMED], *(["…"] if len(first) > MAX_NAMED else [])])


def busy(words: str, seconds: float) -> Failure:
    """A server takes no more just now. It is waited for as long as it asks, but not for very long."""
    told = f" It asks for {seconds:.0f} seconds." if seconds >= 1 else ""
    return Failure(
        ModelError(f"The model server is busy: {words[:500]}{told}"), again=seconds <= PATIENCE, wait=seconds
    )


def untrusted(error: BaseException | None) -> str | None:
    """What is wrong with a server's TLS, which asking again does not mend; None for other errors."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The model server's certificate is not trusted: {error.verify_message}"
    return "The model server speaks no TLS that is understood; http:// or https://, and which port"


def malformed_call(words: str) -> Failure | None:
    """What an error means that a server answers a tool call with which it cannot read itself. The same question would
    be answered in the same way, so whoever asked must ask otherwise."""
    if not _MALFORMED.search(words):
        return None
    raw = next((found[1] for form in _RAW if (found := form.search(words))), "")
    return Failure(MalformedCallError("The model's tool call cannot be read.", raw))


def cut_off(reply: ServedReply) -> Failure:
    """The connection was closed before the reply's end."""
    words = "in the middle of its reply" if reply.begun else "without a reply"
    return Failure(ServerUnreachableError(f"The model server closed the connection {words}. Ask again."), again=True)

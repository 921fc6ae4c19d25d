"""Recognizes e-mails by their headers."""

import re

MIN_HEADERS = 3
"""Known headers that a text must begin with."""
_HEADER_LINE = re.compile(
    rb"(?:From|To|Cc|Date|Subject|Received|Return-Path|Delivered-To|Message-ID|MIME-Version|Content-Type|Reply-To"
    rb"|X-[\w-]+|DKIM-Signature|Snapshot-Content-Location)[ \t]*:",
    re.IGNORECASE,
)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def is_mail(head: bytes) -> bool:
    """Whether a text begins with the headers of an e-mail."""
    lines = re.split(rb"\r?\n", head.removeprefix(b"\xef\xbb\xbf"))[:50]
    if lines and lines[0].startswith((b"From ", b">From ")):
        lines = lines[1:]
    known = 0
    for line in lines:
        if not line:
            break
        if not (line.startswith((b" ", b"\t")) or _FIELD.match(line)):
            return False
        known += bool(_HEADER_LINE.match(line))
    return known >= MIN_HEADERS

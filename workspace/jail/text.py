"""Text that can always be encoded, stored and sent."""


def whole(text: str) -> str:
    """The text with the halves of surrogate pairs joined; a single half becomes U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text

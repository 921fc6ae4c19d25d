"""Why a page was not fetched."""


class FetchError(Exception):
    """It could not be had: the text says why, in words for a model or a person."""


class AddressRefusedError(FetchError):
    """It may not be had: the address leads inside, or is written so that nobody can tell."""


class NameNotFoundError(FetchError):
    """No address is known for the name of the host."""

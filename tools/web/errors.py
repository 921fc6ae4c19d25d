"""Why a page was not fetched."""


class FetchError(Exception):
    """It could not be had: the text says why, in words for a model or a person."""


class AddressRefusedError(FetchError):
    """It may not be had: the address leads inside, or is written so that nobody can tell."""


class UnreachableError(FetchError):
    """There is no way to it, or it did not answer in time: another address may fare no better."""


class NameNotFoundError(UnreachableError):
    """No address is known for the name of the host."""

"""Errors of fetching a page."""


class FetchError(Exception):
    """The page could not be fetched; the message explains why to a model or user."""


class AddressRefusedError(FetchError):
    """The page must not be fetched: the URL is internal or ambiguous."""


class UnreachableError(FetchError):
    """It cannot be reached, or did not respond in time: another address of the host may work."""


class NameNotFoundError(UnreachableError):
    """The host name cannot be resolved."""

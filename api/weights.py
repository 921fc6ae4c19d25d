"""Weights that the settings ask for and that are not there yet."""

import logging

from api.settings import Settings
from llm import catalog, fetch

log = logging.getLogger(__name__)


def fetch_chat(settings: Settings) -> None:
    """The embedded model that answers. Raises `FetchError`, `OSError`."""
    if "llamacpp" in (settings.llm_backend, settings.coder_backend) and settings.llamacpp_model_path is None:
        default, entries = catalog.load()
        fetch.ensure(entries[default], catalog.models_dir(settings.models_dir))


def fetch_vectors(settings: Settings) -> None:
    """The model that documents are searched with. The service also starts without it; the search then says so."""
    if settings.embedding_backend != "fastembed" or settings.embedding_model_path is not None:
        return
    try:
        fetch.ensure(catalog.load()[1][catalog.VECTORS], catalog.models_dir(settings.models_dir))
    except (fetch.FetchError, OSError) as error:
        log.warning("Documents cannot be searched: %s", error)

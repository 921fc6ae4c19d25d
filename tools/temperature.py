"""The sampling temperature for an agent's prompts."""

from langchain_core.language_models import BaseChatModel

DEFAULT = 0.0
"""Used if the settings name none for the model: a server's own default, often 0.8, is too high for small models."""


def temperature_of(model: BaseChatModel) -> float:
    """For an agent's prompt if the request sets no temperature: the model's setting, or else `DEFAULT`."""
    configured: float | None = getattr(model, "temperature", None)
    return DEFAULT if configured is None else configured

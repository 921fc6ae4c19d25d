"""How steadily a model is asked by an agent."""

from langchain_core.language_models import BaseChatModel

DEFAULT = 0.0
"""Where the settings name nothing for the model: a server's own default, often 0.8, is too warm for small models."""


def temperature_of(model: BaseChatModel) -> float:
    """For a prompt that an agent makes, when the request names no temperature: the model's setting, else `DEFAULT`."""
    configured: float | None = getattr(model, "temperature", None)
    return DEFAULT if configured is None else configured

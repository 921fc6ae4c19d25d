"""Settings of the agent: its limits, and how the model calls tools."""

from typing import Literal

from langchain_core.language_models import BaseChatModel
from pydantic import Field

from workspace.settings_model import SettingsModel

ToolProtocol = Literal["text", "native"]


class AgentSettings(SettingsModel):
    """Limits of one turn, and how the model calls tools."""

    tool_protocol: Literal["auto", "text", "native"] = "auto"
    """`native`: with the backend's tool calling. `text`: as text, which works with any model. `auto`: whichever suits
    the model.
    """
    react_max_iterations: int = Field(default=6, ge=1, le=100)
    """Maximum number of tool calls in one turn."""
    run_max_calls: int = Field(default=40, ge=1)
    """Maximum number of model calls in one turn. At this limit, or one of the two below, the agent answers with what it
    has.
    """
    run_max_tokens: int = Field(default=120_000, ge=1000)
    """Maximum number of tokens in one turn, prompts and replies together."""
    run_max_seconds: float = Field(default=900, gt=0)
    """Seconds after which no new step starts."""

    def protocol(self, model: BaseChatModel) -> ToolProtocol:
        """`auto` is native if the model supports tools and performs better with them than with text."""
        if self.tool_protocol != "auto":
            return self.tool_protocol
        able = getattr(model, "native_tools", False)
        return "native" if getattr(model, "native_first", able) and able else "text"

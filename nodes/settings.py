"""How far the agent goes in one turn, and how the model calls tools."""

from typing import Literal

from langchain_core.language_models import BaseChatModel
from pydantic import Field

from workspace.settings_model import SettingsModel

ToolProtocol = Literal["text", "native"]


class AgentSettings(SettingsModel):
    """What one turn may use, and how the model calls tools."""

    tool_protocol: Literal["auto", "text", "native"] = "auto"
    """`native`: by the backend's tool calling. `text`: as text, which any model can write. `auto`: whichever suits the
    model."""
    react_max_iterations: int = Field(default=6, ge=1, le=100)
    """Tool calls in one turn."""
    run_max_calls: int = Field(default=40, ge=1)
    """Model calls in one turn. At this limit, or one of the two below, the agent answers with what it has."""
    run_max_tokens: int = Field(default=120_000, ge=1000)
    """Tokens in one turn, prompts and replies together."""
    run_max_seconds: float = Field(default=900, gt=0)
    """Seconds after which no new step begins."""

    def protocol(self, model: BaseChatModel) -> ToolProtocol:
        """`auto` is native where the model has tools and does better with them than with words."""
        if self.tool_protocol != "auto":
            return self.tool_protocol
        able = getattr(model, "native_tools", False)
        return "native" if getattr(model, "native_first", able) and able else "text"

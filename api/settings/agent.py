"""How far the agent may go."""

from typing import Literal

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from pydantic_settings import BaseSettings

from nodes.state import Budget, Limits
from tools.coding.settings import CodingSettings


class AgentSettings(BaseSettings):
    """What one turn may use, and how programs are written."""

    tool_protocol: Literal["auto", "text", "native"] = "auto"
    """How the model calls tools: `native` by its backend's tool calling, `text` in words that any model can write,
    `auto` by what is known of the model."""
    react_max_iterations: int = Field(default=6, ge=1, le=100)
    """Tool calls in one turn."""
    python_code_max_iterations: int = Field(default=3, ge=0, le=20)
    """How often in a row a program that failed is mended."""
    run_max_calls: int = Field(default=40, ge=1)
    """Calls of the model in one turn; then the answer is made from what there is."""
    run_max_tokens: int = Field(default=120_000, ge=1000)
    """Tokens, read and written, in one turn."""
    run_max_seconds: float = Field(default=900, gt=0)
    """Time after which no new step is begun."""

    def limits(self) -> Limits:
        return Limits(max_iterations=self.react_max_iterations, max_mends=self.python_code_max_iterations)

    def protocol(self, model: BaseChatModel) -> Literal["text", "native"]:
        """`auto` is native where the model has tools and does better with them than with words."""
        if self.tool_protocol != "auto":
            return self.tool_protocol
        able = getattr(model, "native_tools", False)
        return "native" if getattr(model, "native_first", able) and able else "text"

    def budget(self) -> Budget:
        """A fresh one, for one turn."""
        return Budget(self.run_max_calls, self.run_max_tokens, self.run_max_seconds)

    def coding(self) -> CodingSettings:
        return CodingSettings(max_iterations=self.python_code_max_iterations)

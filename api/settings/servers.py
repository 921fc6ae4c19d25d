"""Model servers: Ollama, and those with OpenAI's API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from api.settings.parsing import OptionalNumber, ServerUrl, split
from llm.settings import OllamaSettings, OpenAISettings


def _at_least_one(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not urls:
        raise ValueError("must name a server")
    return urls


class ServerSettings(BaseSettings):
    """Where the servers are, and their models."""

    ollama_host: ServerUrl = "http://127.0.0.1:11434"
    ollama_model: str = ""
    """Empty: the first that Ollama has."""
    ollama_coder_model: str = ""
    """Writes programs; empty: `OLLAMA_MODEL`."""
    ollama_vision_model: str = ""
    """Is shown images; empty: nothing is."""
    ollama_num_ctx: int = Field(default=0, ge=0)
    """Window in tokens; 0: what the model can do, at most 16384."""
    ollama_temperature: OptionalNumber = Field(default=None, ge=0, le=2)
    """Used when a request names none; empty: the model's own in `chat`, 0 for what an agent asks it."""
    ollama_timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a reply is given up; a reply may take longer."""
    ollama_keep_alive: str = Field(default="", pattern=r"^(-?\d+(\.\d+)?(ms|s|m|h)?)?$")
    """How long a model stays loaded: 5m, 1h, -1 for ever; empty: Ollama's own choice."""
    ollama_think: Literal["", "true", "false", "low", "medium", "high"] = ""
    """Empty: models that can think do."""
    ollama_pull: bool = False
    """Pull a model that is missing."""
    openai_base_url: Annotated[tuple[ServerUrl, ...], NoDecode, split, AfterValidator(_at_least_one)] = (
        "https://api.openai.com/v1",
    )
    """Several with commas between them serve the same models; the least busy one that is well is asked."""
    openai_api_key: SecretStr = SecretStr("")
    openai_model: str = ""
    """Empty: the first that the server lists."""
    openai_coder_model: str = ""
    """Writes programs; empty: `OPENAI_MODEL`."""
    openai_vision_model: str = ""
    """Is shown images; empty: nothing is."""
    openai_context_window: int = Field(default=0, ge=0)
    """Window in tokens; 0: what the server says, else 8192."""
    openai_temperature: OptionalNumber = Field(default=None, ge=0, le=2)
    """Used when a request names none; empty: the server's own in `chat`, 0 for what an agent asks it."""
    openai_timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a reply is given up; a reply may take longer."""

    def ollama(self) -> OllamaSettings:
        return OllamaSettings(
            host=self.ollama_host,
            model=self.ollama_model,
            coder_model=self.ollama_coder_model,
            vision_model=self.ollama_vision_model,
            num_ctx=self.ollama_num_ctx,
            temperature=self.ollama_temperature,
            timeout=self.ollama_timeout,
            keep_alive=self.ollama_keep_alive,
            think=self.ollama_think,
            pull=self.ollama_pull,
        )

    def openai(self) -> OpenAISettings:
        return OpenAISettings(
            base_urls=self.openai_base_url,
            api_key=self.openai_api_key.get_secret_value(),
            model=self.openai_model,
            coder_model=self.openai_coder_model,
            vision_model=self.openai_vision_model,
            window=self.openai_context_window,
            temperature=self.openai_temperature,
            timeout=self.openai_timeout,
        )

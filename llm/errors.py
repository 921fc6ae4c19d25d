"""What can go wrong with a model, in words for the person who runs the service."""


class ModelError(Exception):
    """The model cannot serve this request; the text says what to do about it."""


class ModelMissingError(ModelError):
    """There is no file of weights at the configured place."""


class ModelDamagedError(ModelError):
    """The file of weights is there but cannot be loaded."""


class PromptTooLongError(ModelError):
    """The prompt does not fit the model's context window; `setting` is what makes that larger."""

    def __init__(self, tokens: int, window: int, setting: str = "LLAMACPP_N_CTX") -> None:
        super().__init__(
            f"The conversation needs {tokens} tokens, but the model's context window holds {window}. "
            f"Shorten it, start a new session, or raise {setting}."
        )
        self.tokens = tokens
        self.window = window


class BackendStoppedError(ModelError):
    """The service is shutting down, so nothing more is generated."""


class SchemaError(ModelError):
    """A JSON schema that the model cannot be held to; the text says why."""


class ServerUnreachableError(ModelError):
    """The model server does not answer, or went away in the middle of a reply."""


class MalformedCallError(ModelError):
    """The model wrote a tool call that its server cannot read; `raw` is what it wrote, as far as the server tells."""

    def __init__(self, words: str, raw: str = "") -> None:
        super().__init__(words)
        self.raw = raw


class ToolsUnsupportedError(ModelError):
    """The model server takes no tool definitions; the text protocol needs none."""

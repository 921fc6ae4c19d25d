"""Errors of models, with messages for the operator of the service."""


class ModelError(Exception):
    """The model cannot serve this request; the message says what to do."""


class ModelMissingError(ModelError):
    """There is no weights file at the configured path."""


class ModelDamagedError(ModelError):
    """The weights file exists but cannot be loaded."""


class PromptTooLongError(ModelError):
    """The prompt does not fit the model's context window; `setting` is what enlarges it."""

    def __init__(self, tokens: int, window: int, setting: str = "LLAMACPP_N_CTX") -> None:
        super().__init__(
            f"The conversation needs {tokens} tokens, but the model's context window has {window}. "
            f"Shorten it, start a new session, or raise {setting}."
        )
        self.tokens = tokens
        self.window = window


class BackendStoppedError(ModelError):
    """The service is shutting down; nothing more is generated."""


class SchemaError(ModelError):
    """The model cannot be constrained to a JSON schema; the message says why."""


class ServerUnreachableError(ModelError):
    """The model server does not respond, or disconnected during a reply."""


class MalformedCallError(ModelError):
    """The server cannot parse the model's tool call; `raw` is the call's text, as far as the server reports it."""

    def __init__(self, words: str, raw: str = "") -> None:
        super().__init__(words)
        self.raw = raw


class InfillUnsupportedError(ModelError):
    """The model cannot write text between a prompt and a suffix, or cannot continue plain text at all."""


class ToolsUnsupportedError(ModelError):
    """The model server does not support tool definitions; the text protocol does not need them."""

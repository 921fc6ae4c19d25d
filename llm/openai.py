"""The backend for servers with OpenAI's Chat Completions: vLLM, SGLang, llama-server, LM Studio, hosted services."""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import httpx
import openai
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import BaseModel, Field, SecretStr
from typing_extensions import override

from llm.errors import (
    InfillUnsupportedError,
    ModelError,
    ModelMissingError,
    PromptTooLongError,
    ServerUnreachableError,
    ToolsUnsupportedError,
)
from llm.served.chat import CHOICE_TOKENS, DEFAULT_WINDOW, ServedChat
from llm.served.failures import Failure, busy, malformed_call, named, untrusted
from llm.served.reply import choice_schema, text_chunk
from llm.served.server_pool import ANYWHERE, Upstream
from llm.settings import OpenAISettings

CONTINUE = "Continue your last message exactly where it ends. Do not repeat any of it, and add no introduction."
"""For servers that cannot continue a message."""
REASONING = ("reasoning_content", "reasoning")
"""Servers disagree on the name."""
PENALTIES = ("frequency_penalty", "presence_penalty")
PASSED = ("stop", "top_p", "seed", *PENALTIES, "tools", "tool_choice", "parallel_tool_calls")
NAMED = {
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "choices": re.compile(r"response_format|json_schema|structured|grammar|guided", re.IGNORECASE),
    "max_tokens": re.compile(r"max_completion_tokens", re.IGNORECASE),
    "temperature": re.compile(r"temperature", re.IGNORECASE),
    **{name: re.compile(name, re.IGNORECASE) for name in PENALTIES},
    "continues": re.compile(
        r"continue_final_message|add_generation_prompt|prefill|last message|final message"
        r"|assistant message",
        re.IGNORECASE,
    ),
    "tools": re.compile(r"\btools?\b|tool[_ -]?(?:choice|call)|function[_ ]call", re.IGNORECASE),
}
"""What an error says if a server does not support a part of the request."""
_OVERFLOW = re.compile(r"context[_ ](?:length|size|window)", re.IGNORECASE)
_WINDOW = re.compile(
    r"(?:context length (?:is|of)|context size|window holds)\D{0,4}(\d+)(?! input)",
    re.IGNORECASE,
)


class _Wire(BaseChatOpenAI):
    """LangChain's model, with the thoughts that it leaves out."""

    @override
    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices")
        if made is not None and choices:
            delta = choices[0].get("delta") or {}
            thought = next((delta[name] for name in REASONING if delta.get(name)), None)
            if isinstance(thought, str):
                made.message.additional_kwargs["reasoning_content"] = thought
        return made


class OpenAIChat(ServedChat):
    """Omits what the server turns out not to support: usage in streams, structured output, a temperature. Tools raise
    `ToolsUnsupportedError`, and `native_tools` is false afterwards.
    """

    configured_window: int = 0
    key: str = Field(default="", repr=False)

    @property
    def _llm_type(self) -> str:
        return "openai"

    @property
    @override
    def window(self) -> int:
        return self.configured_window or self.upstream.models.get(self.name_) or DEFAULT_WINDOW

    @property
    @override
    def native_tools(self) -> bool:
        return not self._refused("tools")

    def _refused(self, feature: str) -> bool:
        return (self.name_, feature) in self.upstream.refused

    @override
    async def _arguments(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> dict[str, Any]:
        if not self.wanted and not self.upstream.models:
            await self.upstream.check()
        if wishes.get("tools") and self._refused("tools"):
            raise _no_tools()
        given = {name: wishes[name] for name in PASSED if wishes.get(name) is not None and not self._refused(name)}
        given |= {"model": self.name_, "stream_usage": not self._refused("stream_options")}
        if (temperature := wishes.get("temperature")) is None:
            temperature = self.temperature
        if temperature is not None and not self._refused("temperature"):
            given["temperature"] = temperature
        limit, form = wishes.get("max_tokens"), wishes.get("response_format")
        if wishes.get("choices") and not self._refused("choices"):
            schema = {"name": "choice", "strict": True, "schema": choice_schema(wishes["choices"])}
            form = {"type": "json_schema", "json_schema": schema}
            limit = None if limit is None else limit + CHOICE_TOKENS
        if limit is not None:
            given["max_completion_tokens" if self._refused("max_tokens") else "max_tokens"] = limit
        # With `response_format` itself, the library would parse and validate the reply.
        body = {"response_format": form} if form else {}
        if wishes.get("continues") and not self._refused("continues"):
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return {**given, "extra_body": body} if body else given

    @override
    def _told(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> list[BaseMessage]:
        refused = wishes.get("continues") and self._refused("continues")
        return [*messages, HumanMessage(CONTINUE)] if refused else messages

    @override
    async def _continued(
        self, prompt: str, arguments: dict[str, Any], suffix: str | None
    ) -> AsyncGenerator[ChatGenerationChunk]:
        usage = {"stream_options": {"include_usage": True}} if arguments.pop("stream_usage") else {}
        given = {**arguments, **usage} | ({} if suffix is None else {"suffix": suffix})
        client = cast("_Wire", self.wire).root_async_client
        stream = await client.completions.create(prompt=prompt, stream=True, **given)
        async with stream:
            async for part in stream:
                first = part.choices[0] if part.choices else None
                used = None if part.usage is None else (part.usage.prompt_tokens, part.usage.completion_tokens)
                yield text_chunk(first.text if first else "", first.finish_reason if first else None, used)

    @property
    @override
    def _errors(self) -> tuple[type[Exception], ...]:
        return (EOFError, openai.OpenAIError, httpx.HTTPError, ValueError, LookupError)

    @override
    def _failure(self, error: Exception, wishes: dict[str, Any]) -> Failure:
        match error:
            case openai.APITimeoutError() | httpx.TimeoutException():
                again = isinstance(error.__cause__ or error, httpx.ConnectTimeout)
                words = f"The model server sent nothing for {self.upstream.timeout.read:g} seconds."
                return Failure(ServerUnreachableError(words), again=again)
            case openai.APIConnectionError() | httpx.HTTPError() if (why := untrusted(error)) is not None:
                return Failure(ServerUnreachableError(f"{why} (OPENAI_BASE_URL)."))
            case openai.APIConnectionError() | httpx.HTTPError():
                words = "The model server does not respond (OPENAI_BASE_URL)."
                return Failure(ServerUnreachableError(words), again=True)
            case openai.APIError():
                return malformed_call(self._words(error)) or self._refusal(error, wishes)
            case _:
                return Failure(ModelError("The model server's reply cannot be parsed."), again=True)

    def _refusal(self, error: openai.APIError, wishes: dict[str, Any]) -> Failure:
        """The server responded with an error."""
        words, status = self._words(error), getattr(error, "status_code", None)
        if status in {401, 403}:
            return Failure(ModelError("The model server rejects the API key; set OPENAI_API_KEY."))
        if status == 404 and wishes.get("raw") and self.name_ in self.upstream.models:
            return Failure(InfillUnsupportedError("The model server does not offer /v1/completions."))
        if status == 404:
            if not self.upstream.models:
                words = "it lists no models; check that OPENAI_BASE_URL is complete (it usually ends in /v1)"
                return Failure(ModelMissingError(f"The model server does not have the model {self.name_!r}; {words}"))
            known = named(self.upstream.models)
            missing = (
                f"The model server does not have the model {self.name_!r}. Available models: {known}. Set OPENAI_MODEL."
            )
            return Failure(ModelMissingError(missing))
        if status == 429:
            return busy(words, self.upstream.resting)
        if _OVERFLOW.search(f"{error.code} {error.type} {words}"):
            return Failure(_too_long(words, self.window))
        if (feature := self._unknown(words, wishes)) is not None:
            self.upstream.refused.add((self.name_, feature))
            return Failure(_no_tools()) if feature == "tools" else Failure(ModelError(words), again=True, at_once=True)
        return Failure(ModelError(f"The model server failed: {words}"), again=status is None or status >= 500)

    def _words(self, error: openai.APIError) -> str:
        """The server's message, without the API key, which some servers repeat."""
        body: object = error.body
        if isinstance(body, Mapping):
            body = body.get("message") or body.get("detail") or body.get("error") or body
        words = str(body or error.message)
        return (words.replace(self.key, "…") if self.key else words)[:500]

    def _unknown(self, words: str, wishes: dict[str, Any]) -> str | None:
        """The part of the request that the error complains about and that can be omitted."""
        temperature = wishes.get("temperature", self.temperature) is not None
        given = {**wishes, "stream_options": True, "temperature": temperature}
        sent = [name for name in NAMED if given.get(name) and not self._refused(name)]
        return next((name for name in sent if NAMED[name].search(words)), None)


def _no_tools() -> ModelError:
    return ToolsUnsupportedError("The model server does not support tools for this model.")


def _too_long(words: str, window: int) -> PromptTooLongError:
    """From the numbers in the server's message, which every server words differently."""
    found = _WINDOW.search(words)
    window = int(found[1]) if found else window
    others = [number for number in map(int, re.findall(r"\d+", words)) if number != window]
    needed = max([*others, sum(others)] if others else [0])
    return PromptTooLongError(needed if needed > window else window + window // 4, window, "the model server's window")


class _Listed(BaseModel):
    id: str
    max_model_len: int | None = None
    context_length: int | None = None
    meta: dict[str, Any] | None = None

    @property
    def window(self) -> int | None:
        """As reported by vLLM and SGLang, by some hosts, or by llama-server."""
        served = (self.meta or {}).get("n_ctx")
        return self.max_model_len or self.context_length or (served if isinstance(served, int) else None)


class _List(BaseModel):
    data: list[_Listed]


def _models(answer: Any) -> dict[str, int | None]:
    return {model.id: model.window for model in _List.model_validate(answer).data}


def build(settings: OpenAISettings) -> OpenAIChat:
    """The model that answers. Does not contact the servers yet."""
    key = settings.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    upstream = Upstream(
        settings.base_url, probe="/models", listed=_models, headers=headers, silence=settings.timeout, below="/v1"
    )
    wire = _Wire(
        model=settings.model or "default",
        base_url=ANYWHERE,
        api_key=SecretStr(key or "none"),
        http_async_client=upstream.client(),
        max_retries=0,
        timeout=upstream.timeout,
        stream_chunk_timeout=None,
    )
    return OpenAIChat(
        upstream=upstream,
        wire=wire,
        wanted=settings.model,
        temperature=settings.temperature,
        configured_window=settings.context_window,
        key=key,
    )

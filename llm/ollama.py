"""The Ollama backend, with its native protocol: its `/v1` ignores the context window and the thinking option."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import httpx
import ollama
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_ollama import ChatOllama
from pydantic import BaseModel
from typing_extensions import override

from llm.errors import ModelError, ModelMissingError, PromptTooLongError, ServerUnreachableError, ToolsUnsupportedError
from llm.served.chat import CHOICE_TOKENS, DEFAULT_WINDOW, ServedChat
from llm.served.failures import Failure, busy, malformed_call, named, untrusted
from llm.served.ollama_pull import pull
from llm.served.reply import choice_schema, text_chunk
from llm.served.server_pool import ANYWHERE, Upstream
from llm.settings import OllamaSettings

log = logging.getLogger(__name__)

SANE_CTX = 16384
"""Ollama's default of a few thousand tokens silently truncates agents' prompts; a model's full window may fill the
GPU.
"""
BYTES_PER_TOKEN = 6
"""No text has fewer tokens: a prompt that does not fit even by this estimate is refused, because Ollama would silently
truncate it.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What Ollama reports about a model."""

    context: int
    """The context window that the model supports, in tokens; 0: not reported."""
    capabilities: frozenset[str]
    configured: int = 0
    """The context window set in its Modelfile; 0: none."""


@dataclass(slots=True)
class Known:
    """What was learned about the models, shared by all models of one Ollama."""

    facts: dict[str, Facts] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Locked while a model is looked up, so that it is pulled only once."""


class OllamaChat(ServedChat):
    """Tools, thoughts and the context window follow the model's own entry (`/api/show`)."""

    settings: OllamaSettings
    http: httpx.AsyncClient
    known: Known

    @property
    def _llm_type(self) -> str:
        return "ollama"

    @property
    @override
    def window(self) -> int:
        facts, wished = self.known.facts.get(self.name_), self.settings.num_ctx
        if facts is None or not facts.context:
            return wished or DEFAULT_WINDOW
        # Ollama never exceeds what the model supports, whatever is requested.
        return min(facts.context, wished or facts.configured or SANE_CTX)

    @property
    @override
    def native_tools(self) -> bool:
        facts = self.known.facts.get(self.name_)
        return facts is not None and "tools" in facts.capabilities

    @override
    async def ready(self) -> None:
        with suppress(ServerUnreachableError):
            await self._facts()

    async def look_up(self) -> None:
        """Like `ready`, for a watcher that ignores errors."""
        with suppress(ModelError):
            await self._facts()

    async def _facts(self) -> Facts:
        """Raises `ModelMissingError` with the command to pull the model, or `ServerUnreachableError`."""
        name = self.name_
        if name not in self.known.facts:
            async with self.known.asking:
                if name not in self.known.facts:
                    self.known.facts[name] = await self._show(name)
        return self.known.facts[name]

    async def _show(self, name: str) -> Facts:
        try:
            answer = await self.http.post("/api/show", json={"model": name})
            if answer.status_code == 404:
                if not self.settings.pull:
                    raise self._missing(name)
                await pull(self.http, name)
                answer = await self.http.post("/api/show", json={"model": name})
            answer.raise_for_status()
            shown = _Shown.model_validate(answer.json())
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        except (httpx.HTTPError, ValueError) as error:
            raise ModelError(f"Ollama reports nothing about the model {name!r}.") from error
        return Facts(shown.context, frozenset(shown.capabilities), shown.configured)

    @override
    async def _arguments(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> dict[str, Any]:
        if not self.wanted and not self.upstream.models:
            await self.upstream.check()
        facts = await self._facts()
        if wishes.get("tools") and "tools" not in facts.capabilities:
            raise ToolsUnsupportedError(f"The model {self.name_!r} does not support tools.")
        self._fits(messages)
        choices, limit = wishes.get("choices"), wishes.get("max_tokens")
        temperature = self.temperature if wishes.get("temperature") is None else wishes["temperature"]
        options = {
            "num_ctx": self.window,
            "temperature": temperature,
            "top_p": wishes.get("top_p"),
            "seed": wishes.get("seed"),
            "frequency_penalty": wishes.get("frequency_penalty"),
            "presence_penalty": wishes.get("presence_penalty"),
            "num_predict": limit + CHOICE_TOKENS if choices and limit is not None else limit,
            "stop": wishes.get("stop") or None,
        }
        given: dict[str, Any] = {
            "model": self.name_,
            "options": {name: value for name, value in options.items() if value is not None},
            # A choice is made at once, even by a model that would think first.
            "reasoning": self._think(facts, choosing=bool(choices)),
        }
        if self.settings.keep_alive:
            given["keep_alive"] = _duration(self.settings.keep_alive)
        if choices:
            given["format"] = choice_schema(choices)
        elif wishes.get("response_format"):
            given["response_format"] = wishes["response_format"]
        if wishes.get("tools") and wishes.get("tool_choice") != "none":
            given["tools"] = wishes["tools"]
        return given

    @override
    async def _continued(
        self, prompt: str, arguments: dict[str, Any], suffix: str | None
    ) -> AsyncGenerator[ChatGenerationChunk]:
        # With a suffix, Ollama needs the model's template, which places the model's own marks.
        given: dict[str, Any] = {"raw": True} if suffix is None else {"suffix": suffix}
        given |= {name: arguments[name] for name in ("model", "options", "keep_alive") if name in arguments}
        stream = await cast("ChatOllama", self.wire)._async_client.generate(prompt=prompt, stream=True, **given)
        async with aclosing(cast("AsyncGenerator[ollama.GenerateResponse]", stream)) as parts:
            async for part in parts:
                used = (part.prompt_eval_count or 0, part.eval_count or 0) if part.done else None
                yield text_chunk(part.response or "", (part.done_reason or "stop") if part.done else None, used)

    def _think(self, facts: Facts, *, choosing: bool) -> bool | str | None:
        if "thinking" not in facts.capabilities:
            return None
        wished = self.settings.think
        return False if choosing or wished == "false" else wished if wished not in ("", "true") else True

    def _fits(self, messages: list[BaseMessage]) -> None:
        """Warn if the prompt may not fit. Raises `PromptTooLongError` if it cannot fit."""
        size = sum(len(message.text.encode("utf-8", "replace")) for message in messages)
        if size // BYTES_PER_TOKEN > self.window:
            raise PromptTooLongError(size // 3, self.window, "OLLAMA_NUM_CTX")
        if size // 3 > self.window and self.name_ not in self.known.warned:
            self.known.warned.add(self.name_)
            log.warning(
                "a prompt of about %d tokens may not fit the context window of %d, and Ollama truncates it; "
                "raise OLLAMA_NUM_CTX",
                *(size // 3, self.window),
            )

    @property
    @override
    def _errors(self) -> tuple[type[Exception], ...]:
        return (EOFError, ModelError, ollama.ResponseError, ConnectionError, httpx.HTTPError, ValueError, LookupError)

    @override
    def _failure(self, error: Exception, wishes: dict[str, Any]) -> Failure:
        match error:
            case ModelError():
                away = isinstance(error, ServerUnreachableError)
                return Failure(error, again=away and untrusted(error.__cause__) is None)
            case httpx.TimeoutException() if not isinstance(error, httpx.ConnectTimeout):
                words = f"Ollama sent nothing for {self.settings.timeout:g} seconds (OLLAMA_TIMEOUT)."
                return Failure(ServerUnreachableError(words))
            case ConnectionError() | httpx.HTTPError():
                return Failure(_unreachable(error), again=untrusted(error) is None)
            case ollama.ResponseError():
                return malformed_call(error.error) or self._refusal(error)
            case OutputParserException() if (failure := malformed_call(str(error))) is not None:
                return failure
            case _:
                return Failure(ModelError("Ollama's reply cannot be parsed."), again=True)

    def _missing(self, name: str) -> ModelMissingError:
        there = f" Available models: {named(self.upstream.models)}." if self.upstream.models else ""
        advice = f"Pull it with: ollama pull {name} (or set OLLAMA_PULL=true)."
        return ModelMissingError(f"Ollama does not have the model {name!r}. {advice}{there}")

    def _refusal(self, error: ollama.ResponseError) -> Failure:
        """Ollama responded with an error."""
        if error.status_code == 404:
            self.known.facts.pop(self.name_, None)
            return Failure(self._missing(self.name_), again=self.settings.pull)
        if error.status_code == 429:
            return busy(error.error, self.upstream.resting)
        if "does not support tools" in error.error:
            facts = self.known.facts[self.name_]
            self.known.facts[self.name_] = replace(facts, capabilities=facts.capabilities - {"tools"})
            return Failure(ToolsUnsupportedError(f"The model {self.name_!r} does not support tools."))
        # An error during a stream has no status (-1).
        again = error.status_code >= 500 or error.status_code < 0
        return Failure(ModelError(f"Ollama failed: {error.error[:500]}"), again=again)


def _unreachable(error: Exception) -> ServerUnreachableError:
    why = untrusted(error)
    words = "Ollama does not respond (OLLAMA_HOST). Is it running?" if why is None else f"{why} (OLLAMA_HOST)."
    return ServerUnreachableError(words)


def _duration(text: str) -> str | int:
    """Seconds as a number, anything else in Ollama's notation (5m)."""
    return int(text) if text.lstrip("-").isdigit() else text


class _Shown(BaseModel):
    capabilities: list[str] = []
    model_info: dict[str, Any] = {}
    parameters: str = ""

    @property
    def configured(self) -> int:
        found = re.search(r"^num_ctx\s+(\d+)\s*$", self.parameters, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def context(self) -> int:
        named = (value for name, value in self.model_info.items() if name.endswith(".context_length"))
        return next((value for value in named if isinstance(value, int) and value > 0), 0)


class _Tag(BaseModel):
    name: str


class _Tags(BaseModel):
    models: list[_Tag]


def _models(answer: Any) -> Mapping[str, int | None]:
    return {tag.name: None for tag in _Tags.model_validate(answer).models}


def build(settings: OllamaSettings) -> OllamaChat:
    """The model that answers. Does not contact Ollama yet."""
    upstream = Upstream(
        [settings.host.removesuffix("/v1")], probe="/api/tags", listed=_models, silence=settings.timeout
    )
    wire = ChatOllama(
        model=settings.model or "default",
        base_url=ANYWHERE,
        async_client_kwargs={"transport": upstream, "timeout": upstream.timeout, "trust_env": False},
    )
    chat = OllamaChat(
        upstream=upstream,
        wire=wire,
        wanted=settings.model,
        temperature=settings.temperature,
        settings=settings,
        http=upstream.client(),
        known=Known(),
    )
    upstream.on_up = chat.look_up
    return chat

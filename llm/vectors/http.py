"""Vectors from a server: Ollama's `/api/embed`, or `/v1/embeddings` of any OpenAI-compatible server."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import httpx
import numpy as np
from pydantic import BaseModel, ValidationError
from typing_extensions import override

from llm.settings import EmbeddingSettings, OllamaSettings, OpenAISettings
from llm.vectors.base import EmbeddingError, VectorModel, unit
from workspace.retrieval.types import ModelIdentity, Vectors

BATCH = 64
"""Texts per request."""


Answer = TypeVar("Answer", bound=BaseModel)


class _Vector(BaseModel):
    index: int
    embedding: list[float]


class _OpenAIAnswer(BaseModel):
    data: list[_Vector]


class _OllamaAnswer(BaseModel):
    embeddings: list[list[float]]


class HttpVectors(VectorModel):
    """The common part of both kinds of server."""

    def __init__(self, settings: EmbeddingSettings, base: str, model: str, headers: Mapping[str, str]) -> None:
        self._base = base.rstrip("/")
        self._model = model
        self._headers = headers
        self._key = headers.get("Authorization", "").removeprefix("Bearer ")
        self._timeout = settings.timeout
        self._identity: ModelIdentity | None = None

    @override
    async def identity(self) -> ModelIdentity:
        if self._identity is None:
            dimension = (await self.passages(["dimension"])).shape[1]
            self._identity = ModelIdentity(self._model, dimension, await self._revision())
        return self._identity

    @override
    async def passages(self, texts: Sequence[str]) -> Vectors:
        found = [await self._batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    @override
    async def question(self, text: str) -> Vectors:
        vector: Vectors = (await self.passages([text]))[0]
        return vector

    @abstractmethod
    async def _revision(self) -> str: ...

    @abstractmethod
    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]: ...

    def _advice(self, status: int) -> str:  # noqa: ARG002 (most have none)
        """What to do about a refusal."""
        return ""

    async def _batch(self, texts: Sequence[str]) -> Vectors:
        vectors = await self._vectors(texts)
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
            raise EmbeddingError(f"The embedding server {self._base} did not return one vector for each text.")
        known, dimension = self._identity, len(vectors[0])
        if known is not None and known.dimension != dimension:
            self._identity = None  # the documents are then reindexed with the current model
            raise EmbeddingError(
                f"The embedding server {self._base} gives vectors of {dimension} numbers, and gave {known.dimension} "
                "before: another model has that name now. Try again."
            )
        return unit(np.asarray(vectors, np.float32))

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Raises `EmbeddingError` that names the server, the status, and the server's own message."""
        try:
            async with httpx.AsyncClient(timeout=self._timeout, headers=self._headers) as http:
                answer = await http.request(method, self._base + path, json=body)
        except httpx.HTTPError as error:
            raise EmbeddingError(f"The embedding server {self._base} does not respond: {_why(error)}") from error
        if answer.is_error:
            said = answer.text.replace(self._key, "…") if self._key else answer.text
            words = said[:200] + self._advice(answer.status_code)
            raise EmbeddingError(
                f"The embedding server {self._base} refused the request ({answer.status_code}): {words}"
            )
        try:
            return answer.json()
        except ValueError as error:
            raise EmbeddingError(f"The embedding server {self._base} did not return JSON.") from error


class OllamaVectors(HttpVectors):
    """At `OLLAMA_HOST`; the model must have been pulled there."""

    def __init__(self, settings: EmbeddingSettings, server: OllamaSettings) -> None:
        super().__init__(settings, server.host, settings.model or "nomic-embed-text", {})

    @override
    def _advice(self, status: int) -> str:
        return f" Pull the model with: ollama pull {self._model}" if status == 404 else ""

    @override
    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        answer = await self._ask("POST", "/api/embed", {"model": self._model, "input": list(texts)})
        return _parsed(_OllamaAnswer, answer).embeddings

    @override
    async def _revision(self) -> str:
        """The digest that Ollama uses to distinguish models."""
        listed = (await self._ask("GET", "/api/tags")).get("models", [])
        digests = {entry.get("name", "").removesuffix(":latest"): entry.get("digest", "") for entry in listed}
        return str(digests.get(self._model.removesuffix(":latest"), ""))[:16]


class OpenAIVectors(HttpVectors):
    """Any server with OpenAI's `/embeddings`: the first of `OPENAI_BASE_URL`."""

    def __init__(self, settings: EmbeddingSettings, server: OpenAISettings) -> None:
        key = server.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(settings, server.base_url[0], settings.model or "text-embedding-3-small", headers)

    @override
    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        found = _parsed(_OpenAIAnswer, await self._ask("POST", "/embeddings", body)).data
        return [vector.embedding for vector in sorted(found, key=lambda vector: vector.index)]

    @override
    async def _revision(self) -> str:
        """Versions behind one name cannot be distinguished; the URL distinguishes servers."""
        return hashlib.sha256(self._base.encode()).hexdigest()[:16]


def _parsed(kind: type[Answer], answer: object) -> Answer:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        raise EmbeddingError("The embedding server's response has no vectors.") from error


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__

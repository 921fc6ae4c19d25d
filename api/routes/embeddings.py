"""`POST /v1/embeddings`: vectors from the model used for document search."""

import asyncio
import base64
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, field_validator

from api.dependencies import current_user, services_of
from api.errors import bad_request, not_found
from api.openapi import errors
from api.services import Services
from checkpoints.users import User
from llm.vectors.base import VectorModel

router = APIRouter()
MAX_TEXTS = 2048
MAX_CHARACTERS = 1_000_000
ALIASES = ("", "embeddings", "default")
"""Names that clients may use for the only model."""


class EmbeddingsRequest(BaseModel):
    """`input` is a text or a list of texts."""

    input: str | list[str]
    model: str = Field(default="", max_length=200)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)
    user: str | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        if isinstance(given, list) and any(isinstance(one, (int, list)) for one in given):
            raise ValueError("token lists are not supported; send text")
        texts = given if isinstance(given, list) else [given]
        if not texts or len(texts) > MAX_TEXTS:
            raise ValueError(f"send 1 to {MAX_TEXTS} texts")
        for text in texts:
            if not isinstance(text, str) or not text:
                raise ValueError("each text must be a non-empty string")
            text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
        if sum(map(len, texts)) > MAX_CHARACTERS:
            raise ValueError(f"at most {MAX_CHARACTERS} characters in total")
        return given


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str
    """Numbers, or with `encoding_format: base64` the bytes of 32-bit little-endian floats."""


class EmbeddingsUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage


@router.post("/v1/embeddings", responses=errors(400, 404, 503))
async def embeddings(
    body: EmbeddingsRequest, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> EmbeddingsAnswer:
    """A unit vector for each text; the model truncates texts that exceed its context window."""
    model = services.vectors
    async with services.quotas.run(user):
        known = await model.identity()
        if body.model not in (*ALIASES, known.name, known.name.rpartition("/")[2]):
            raise not_found(f"model {body.model!r}; the embedding model is {known.name!r}", "model")
        if body.dimensions not in (None, known.dimension):
            raise bad_request(f"dimensions: this model's vectors have {known.dimension}", "dimensions")
        texts = [body.input] if isinstance(body.input, str) else body.input
        vectors = await model.passages(texts)
        tokens = await asyncio.to_thread(_tokens, model, texts)
        await services.store.usage.add(user.id, tokens, 0)
    packed = body.encoding_format == "base64"
    data = [Embedding(index=at, embedding=_base64(row) if packed else row.tolist()) for at, row in enumerate(vectors)]
    usage = EmbeddingsUsage(prompt_tokens=tokens, total_tokens=tokens)
    return EmbeddingsAnswer(data=data, model=known.name, usage=usage)


def _tokens(model: VectorModel, texts: list[str]) -> int:
    return sum(len(model.spans(text)) for text in texts)


def _base64(row: "np.ndarray[Any, np.dtype[np.float32]]") -> str:
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()

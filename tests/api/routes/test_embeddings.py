"""`/v1/embeddings` with the real embedding model, through the official SDK."""

import base64
from typing import Any

import numpy as np
import pytest
from openai import NotFoundError

from tests.serving import Service

pytestmark = pytest.mark.one_service

NAME = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = ["The cat sat on the mat.", "Interest rates rose.", "A feline rested on a rug."]


async def test_vectors_as_numbers_and_as_bytes(service: Service) -> None:
    # The SDK requests base64 and decodes it automatically.
    answer = await service.client.embeddings.create(model=NAME, input=TEXTS)
    vectors = np.array([one.embedding for one in answer.data])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]
    assert [one.index for one in answer.data] == [0, 1, 2]
    assert answer.model == NAME
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 10
    body = {"model": "embeddings", "input": TEXTS[0], "dimensions": 384}
    plain = (await service.http.post("/v1/embeddings", json=body)).json()["data"][0]["embedding"]
    packed = (await service.http.post("/v1/embeddings", json=body | {"encoding_format": "base64"})).json()
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4"), plain, atol=1e-6)


async def test_tokens_are_counted_for_the_user(service: Service) -> None:
    before = (await service.http.get("/api/usage")).json()["tokens_today"]
    answer = await service.client.embeddings.create(model=NAME, input="one two three")
    after = (await service.http.get("/api/usage")).json()["tokens_today"]
    assert after - before == answer.usage.total_tokens == 3


async def test_another_model_is_not_found(service: Service) -> None:
    with pytest.raises(NotFoundError, match="all-MiniLM"):
        await service.client.embeddings.create(model="text-embedding-3-small", input="x")


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("tokens", {"input": [1, 2, 3]}, "input"),
    ("lists of tokens", {"input": [[1, 2]]}, "input"),
    ("nothing", {"input": []}, "input"),
    ("an empty text", {"input": ["a", ""]}, "input"),
    ("no input", {}, "input"),
    ("too many", {"input": ["a"] * 3000}, "input"),
    ("other dimensions", {"input": "a", "dimensions": 256}, "dimensions"),
    ("another encoding", {"input": "a", "encoding_format": "hex"}, "encoding_format"),
]


@pytest.mark.parametrize(("body", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_what_cannot_be_done_is_named(service: Service, body: dict[str, Any], param: str) -> None:
    answer = await service.http.post("/v1/embeddings", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param

"""Vectors from the real model, and from servers with Ollama's and OpenAI's protocols."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from llm import catalog
from llm.factory import open_embeddings, open_reranker
from llm.settings import EmbeddingSettings, ModelSettings, OllamaSettings, OpenAISettings, RerankSettings
from llm.vectors.base import EmbeddingError, VectorModel


@pytest.fixture
async def minilm() -> AsyncIterator[VectorModel]:
    model = open_embeddings(ModelSettings())
    yield model
    await model.aclose()


async def test_the_real_model_tells_alike_from_unlike(minilm: VectorModel) -> None:
    texts = ["The cat sat on the mat.", "Interest rates rose in March.", "A feline rested on a rug."]
    vectors = await minilm.passages(texts)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    question = await minilm.question("Where is the kitten?")
    assert question.shape == (384,)
    assert int(np.argmin(vectors @ question)) == 1
    assert (await minilm.passages([])).shape == (0, 384)
    identity = await minilm.identity()
    assert (identity.name, identity.dimension) == ("sentence-transformers/all-MiniLM-L6-v2", 384)


async def test_a_vector_does_not_depend_on_what_else_is_asked_for(minilm: VectorModel) -> None:
    texts = [f"{'word ' * length}{length}" for length in (1, 90, 7, 40, 3, 60)]
    together, alone = await minilm.passages(texts), [(await minilm.passages([text]))[0] for text in texts]
    assert float((together * np.stack(alone)).sum(axis=1).min()) > 0.99  # int8 is scaled by batch


async def test_langchain_s_interface_gives_the_same_vectors(minilm: VectorModel) -> None:
    (vector,) = await minilm.aembed_documents(["The cat sat on the mat."])
    np.testing.assert_allclose(vector, await minilm.aembed_query("The cat sat on the mat."), atol=1e-6)
    assert await asyncio.to_thread(minilm.embed_query, "The cat sat on the mat.") == pytest.approx(vector, abs=1e-6)


async def test_tokens_are_the_model_s_and_have_no_limit(minilm: VectorModel) -> None:
    text = "Unbelievable embeddings " * 1000
    spans = await asyncio.to_thread(minilm.spans, text)
    assert len(spans) > 2000
    assert text[slice(*spans[-1])] in "embeddings"


async def test_regression_while_a_long_text_was_tokenized_no_other_thread_ran(minilm: VectorModel) -> None:
    """The tokenizer kept the interpreter to itself: seven seconds for a text of 3 MB."""
    text = " ".join(f"word{number % 5000}" for number in range(100_000))
    await minilm.identity()
    tokenizing = asyncio.create_task(asyncio.to_thread(minilm.spans, text))
    longest = 0.0
    while not tokenizing.done():
        began = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - began)
    spans = await tokenizing
    assert longest < 0.5
    assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")


async def test_a_word_without_an_end_is_tokenized_in_parts(minilm: VectorModel) -> None:
    spans = await asyncio.to_thread(minilm.spans, "x" * 200_000)
    assert (spans[0][0], spans[-1][1]) == (0, 200_000)


async def test_questions_do_not_wait_for_documents(minilm: VectorModel) -> None:
    await minilm.identity()
    many = asyncio.create_task(minilm.passages(["some words " * 80] * 200))
    await minilm.question("now")
    assert not many.done()
    many.cancel()
    await asyncio.gather(many, return_exceptions=True)


async def test_a_missing_or_damaged_model_says_what_to_do(tmp_path: Path) -> None:
    missing = open_embeddings(ModelSettings(models_dir=tmp_path))
    with pytest.raises(EmbeddingError, match=r"llm\.fetch minilm"):
        await missing.question("x")
    await missing.aclose()
    entry = catalog.load()[1][catalog.VECTORS]
    shutil.copytree(entry.path(catalog.models_dir()), entry.path(tmp_path))
    weights = entry.path(tmp_path) / "model.onnx"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"x")
    damaged = open_embeddings(ModelSettings(models_dir=tmp_path))
    with pytest.raises(EmbeddingError, match="damaged"):
        await damaged.identity()
    weights.write_bytes(whole)
    assert (await damaged.identity()).dimension == 384, "mended without a restart"
    await damaged.aclose()


async def test_another_model_needs_its_files() -> None:
    for settings, words in [
        (EmbeddingSettings(model="BAAI/bge-small-en-v1.5"), "EMBEDDING_MODEL_PATH"),
        (EmbeddingSettings(model="nobody/none", model_path=Path("/nowhere")), "EMBEDDING_MODEL"),
    ]:
        model = open_embeddings(ModelSettings(embedding=settings))
        with pytest.raises(EmbeddingError, match=words):
            await model.identity()
        await model.aclose()


async def test_a_cross_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert open_reranker(ModelSettings()) is None
    reranker = open_reranker(ModelSettings(rerank=RerankSettings(model_path=tmp_path)))
    assert reranker is not None
    with pytest.raises(EmbeddingError, match="RERANK_MODEL_PATH"):
        await reranker.scores("question", ["text"])
    await reranker.aclose()


class Server(BaseHTTPRequestHandler):
    """Vectors of a text's length and first letter; `broken` changes the response."""

    asked: list[tuple[str, str | None, Any]] = []  # noqa: RUF012
    broken: str = ""
    more: int = 0
    """Additional numbers in a vector."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append((self.path, self.headers.get("Authorization"), body))
        vectors = [[float(len(text)), float(ord(text[0])), 1.0, *[0.0] * self.more] for text in body["input"]]
        if self.broken == "status":
            self.answer({"error": f"no such model for {self.headers.get('Authorization')}"}, 404)
        elif self.broken == "short":
            self.answer({"embeddings": vectors[1:], "data": []})
        elif self.broken == "words":
            self.answer("what?")
        elif self.path == "/api/embed":
            self.answer({"embeddings": vectors})
        else:
            data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
            self.answer({"data": data[::-1]})

    def do_GET(self) -> None:
        self.answer({"models": [{"name": "nomic-embed-text:latest", "digest": "abcdef0123456789ffff"}]})

    def answer(self, body: Any, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked, Server.broken, Server.more = [], "", 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def remote(kind: str, url: str) -> VectorModel:
    if kind == "ollama":
        return open_embeddings(
            ModelSettings(embedding=EmbeddingSettings(backend="ollama"), ollama=OllamaSettings(host=url))
        )
    server = OpenAISettings(base_url=(f"{url}/v1",), api_key=SecretStr("sk-1"))
    return open_embeddings(ModelSettings(embedding=EmbeddingSettings(backend="openai"), openai=server))


@pytest.mark.parametrize("kind", ["ollama", "openai"])
async def test_servers_give_vectors_in_batches(server: str, kind: str) -> None:
    model = remote(kind, server)
    texts = ["a" * (1 + at) for at in range(130)]
    vectors = await model.passages(texts)
    expected = np.array([[len(text), ord("a"), 1] for text in texts], np.float32)
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)
    assert [len(body["input"]) for _, _, body in Server.asked] == [64, 64, 2]
    path, authorization, body = Server.asked[0]
    assert (path, authorization) == (("/api/embed", None) if kind == "ollama" else ("/v1/embeddings", "Bearer sk-1"))
    assert body["model"] == ("nomic-embed-text" if kind == "ollama" else "text-embedding-3-small")
    identity = await model.identity()
    assert identity.dimension == 3
    assert kind == "openai" or identity.revision == "abcdef0123456789"


@pytest.mark.parametrize("kind", ["ollama", "openai"])
@pytest.mark.parametrize("broken", ["status", "short", "words"])
async def test_a_server_that_fails_is_named(server: str, kind: str, broken: str) -> None:
    Server.broken = broken
    with pytest.raises(EmbeddingError, match="embedding server") as raised:
        await remote(kind, server).passages(["a", "b"])
    assert "sk-1" not in str(raised.value)


@pytest.mark.parametrize("kind", ["ollama", "openai"])
async def test_another_model_under_the_same_name_is_noticed(server: str, kind: str) -> None:
    model = remote(kind, server)
    assert (await model.identity()).dimension == 3
    Server.more = 2
    with pytest.raises(EmbeddingError, match="vectors of 5 numbers, and gave 3 before"):
        await model.question("x")
    assert (await model.identity()).dimension == 5
    assert (await model.question("x")).shape == (5,)


async def test_no_server_is_one_clear_error() -> None:
    with pytest.raises(EmbeddingError, match="does not respond"):
        await remote("ollama", "http://127.0.0.1:9").question("x")

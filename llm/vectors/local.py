"""Vectors computed in the service: fastembed with local ONNX files, in low-priority threads."""

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from fastembed import TextEmbedding
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    RuntimeException,
)
from tokenizers import Tokenizer
from typing_extensions import override

from llm import catalog
from llm.settings import EmbeddingSettings
from llm.vectors.base import EmbeddingError, VectorModel, threads_of, unit
from workspace.fair_share import FairExecutor
from workspace.retrieval.types import ModelIdentity, Spans, Vectors

T = TypeVar("T")

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""Its name in fastembed."""
BATCH = 4
"""Passages per batch. Larger batches are slower on a CPU: a layer's output no longer fits the cache."""
SLICE = 1 << 16
"""Characters of a long text that are tokenized at once: each token takes some 300 bytes meanwhile."""
NICENESS = 10
BROKEN = (OSError, ValueError, Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, RuntimeException)
"""What the libraries raise for files that are not a valid model."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: TextEmbedding
    tokenizer: Tokenizer
    identity: ModelIdentity


class LocalVectors(VectorModel):
    """Documents are embedded in one low-priority thread, questions in another, which never waits for documents."""

    def __init__(self, settings: EmbeddingSettings, models_dir: Path | None) -> None:
        self._settings = settings
        self._models_dir = models_dir
        self._documents = FairExecutor(1, 1, "embed-documents", _step_back)
        self._questions = FairExecutor(1, 1, "embed-question")
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @override
    async def identity(self) -> ModelIdentity:
        return (await self._in(self._documents, self._load)).identity

    @override
    async def passages(self, texts: Sequence[str]) -> Vectors:
        """One batch at a time, so that concurrent callers take turns."""
        dimension = (await self.identity()).dimension
        vectors = np.zeros((len(texts), dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # similar lengths need little padding
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            vectors[chosen] = await self._in(self._documents, partial(self._embed, [texts[at] for at in chosen]))
        return vectors

    @override
    async def question(self, text: str) -> Vectors:
        (vector,) = await self._in(self._questions, partial(self._embed, [text]))
        return np.asarray(vector, np.float32)

    @override
    def spans(self, text: str) -> Spans:
        tokenizer = self._load().tokenizer
        return [span for start, end in _slices(text) for span in _spans(tokenizer, text[start:end], start)]

    @override
    async def aclose(self) -> None:
        for pool in (self._documents, self._questions):
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _in(self, pool: FairExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _embed(self, texts: list[str]) -> Vectors:
        return unit(np.stack(list(self._load().model.embed(texts, batch_size=len(texts)))))

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._settings, self._models_dir)
            return self._loaded


def _slices(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of parts of about `SLICE` characters that end at a space, if there is one nearby."""
    start = 0
    while start < len(text):
        end = start + SLICE
        if end < len(text):
            space = max(text.rfind(mark, start + SLICE // 2, end) for mark in " \n")
            end = space if space > start else end
        yield start, min(end, len(text))
        start = end


def _spans(tokenizer: Tokenizer, part: str, offset: int) -> Iterator[tuple[int, int]]:
    # `encode` would keep all other threads from running until it returns, which takes seconds for a few megabytes.
    (encoding,) = tokenizer.encode_batch([part], add_special_tokens=False)
    return ((start + offset, end + offset) for start, end in encoding.offsets)


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _load(settings: EmbeddingSettings, models_dir: Path | None) -> _Loaded:
    name = settings.model or DEFAULT_MODEL
    folder = _folder(settings, name, models_dir)
    known = {model["model"].lower(): model for model in TextEmbedding.list_supported_models()}
    if name.lower() not in known:
        raise EmbeddingError(f"EMBEDDING_MODEL: fastembed does not support the model {name!r}.")
    weights = folder / known[name.lower()]["model_file"]
    for path in (weights, folder / "tokenizer.json"):
        if not path.is_file():
            raise EmbeddingError(
                f"The embedding model does not exist: {path}. Run `python -m llm.fetch {catalog.VECTORS}`."
            )
    revision = _checked(settings, weights, folder / "tokenizer.json")
    # Without the arena, memory is freed after each batch; with it, it stays at the size of the largest batch.
    try:
        model = TextEmbedding(
            name, specific_model_path=str(folder), threads=threads_of(settings), cuda=False, enable_cpu_mem_arena=False
        )
    except BROKEN as error:
        raise EmbeddingError(f"EMBEDDING_MODEL_PATH: {folder} does not contain {name}: {error}") from error
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _Loaded(model, tokenizer, ModelIdentity(name, model.embedding_size, revision))


def _folder(settings: EmbeddingSettings, name: str, models_dir: Path | None) -> Path:
    if settings.model_path is not None:
        return settings.model_path
    if name != DEFAULT_MODEL:
        raise EmbeddingError(f"EMBEDDING_MODEL_PATH: must name the folder with the files of {name!r}.")
    return catalog.load()[1][catalog.VECTORS].path(catalog.models_dir(models_dir))


def _checked(settings: EmbeddingSettings, *paths: Path) -> str:
    """A hash over the files. Raises `EmbeddingError` if those of the catalog do not match it."""
    known = {} if settings.model_path else {file.file: file.sha256 for file in catalog.load()[1][catalog.VECTORS].files}
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        if digest.hexdigest() != known.get(path.name, digest.hexdigest()):
            raise EmbeddingError(f"{path} is damaged. Delete it and run `python -m llm.fetch {catalog.VECTORS}`.")
        whole.update(digest.digest())
    return whole.hexdigest()[:16]

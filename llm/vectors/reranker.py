"""A cross-encoder that scores question and passage together; unused unless its files are configured."""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from fastembed.rerank.cross_encoder import TextCrossEncoder

from llm.vectors.base import EmbeddingError
from llm.vectors.local import BROKEN
from workspace.fair_share import FairExecutor


class CrossEncoder:
    """Implements `workspace.retrieval.types.Reranker` with fastembed's cross-encoder, from local files."""

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        self._name = name
        self._folder = folder
        self._threads = threads
        self._thread = FairExecutor(1, 1, "rerank")

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One score per text, higher is better. Raises `EmbeddingError` if the model cannot be loaded."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._scores, question, list(texts))

    async def aclose(self) -> None:
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    def _scores(self, question: str, texts: list[str]) -> list[float]:
        return [float(score) for score in self._model.rerank(question, texts, batch_size=8)]

    @cached_property
    def _model(self) -> TextCrossEncoder:
        try:
            return TextCrossEncoder(
                self._name, specific_model_path=str(self._folder), threads=self._threads, cuda=False
            )
        except BROKEN as error:
            raise EmbeddingError(f"RERANK_MODEL_PATH: {self._folder} does not contain {self._name}: {error}") from error

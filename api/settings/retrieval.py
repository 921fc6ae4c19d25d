"""How documents become searchable."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from api.settings.parsing import OptionalPath
from api.settings.servers import ServerSettings
from llm.settings import EmbeddingSettings
from workspace.retrieval.settings import RetrievalSettings


class SearchSettings(ServerSettings):
    """Vectors, passages, their order."""

    embedding_backend: Literal["fastembed", "ollama", "openai"] = "fastembed"
    """Where vectors come from: the service itself, or a server."""
    embedding_model: str = ""
    """Its name there; empty means all-MiniLM-L6-v2, nomic-embed-text, or text-embedding-3-small."""
    embedding_model_path: OptionalPath = None
    """A folder with another model that fastembed knows by `EMBEDDING_MODEL`."""
    embedding_threads: int = Field(default=0, ge=0)
    """CPU threads for documents; 0: half of the cores."""
    embedding_timeout: float = Field(default=60, gt=0)
    """Seconds that a server may take for one batch."""
    rerank_model: str = "Xenova/ms-marco-MiniLM-L-6-v2"
    rerank_model_path: OptionalPath = None
    """A folder with the files of `RERANK_MODEL`; empty: nothing is re-ranked."""
    retrieval_passage_tokens: int = Field(default=200, ge=20, le=2000)
    """A passage is at most so long, in the embedding model's tokens."""
    retrieval_max_documents: int = Field(default=2000, ge=1)
    """Searchable documents of one user, and of one session; the newest are kept."""
    retrieval_max_passages: int = Field(default=4000, ge=1)
    """Of one document; the rest of it is not searched."""
    retrieval_wait: float = Field(default=60, gt=0)
    """Seconds that a search waits for documents that are being read."""

    def vectors(self, models_dir: Path | None) -> EmbeddingSettings:
        return EmbeddingSettings(
            backend=self.embedding_backend,
            model=self.embedding_model,
            model_path=self.embedding_model_path,
            models_dir=models_dir,
            threads=self.embedding_threads,
            ollama_host=self.ollama_host,
            openai_base_url=self.openai_base_url[0],
            openai_api_key=self.openai_api_key.get_secret_value(),
            timeout=self.embedding_timeout,
            rerank_model=self.rerank_model,
            rerank_path=self.rerank_model_path,
        )

    def passages(self, max_file_bytes: int, readers: int) -> RetrievalSettings:
        return RetrievalSettings(
            passage_tokens=self.retrieval_passage_tokens,
            readers=readers,
            max_documents=self.retrieval_max_documents,
            max_file_bytes=max_file_bytes,
            max_passages=self.retrieval_max_passages,
            wait_seconds=self.retrieval_wait,
        )

"""Settings of the search in documents."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How documents are cut, how much of them is kept, how they are ranked."""

    passage_tokens: int = 200
    """Of the embedder's; a passage is at most so long."""
    overlap_tokens: int = 30
    """What a passage may repeat of the one before it, within one section."""
    readers: int = 2
    """Documents that are read at the same time, by one sync."""
    max_documents: int = 2000
    """Of one user, and of one session; the newest are kept."""
    max_file_bytes: int = 64 << 20
    """Larger documents are not searched."""
    max_passages: int = 4000
    """Of one document; the rest of it is not searched."""
    max_all_passages: int = 50_000
    """Of all documents of one user, or of one session."""
    wait_seconds: float = 60.0
    """How long a search waits for documents that are being read; then it says which are missing."""

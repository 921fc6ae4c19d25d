"""Settings of the search in documents."""

from pydantic import Field

from workspace.settings_model import Internal, SettingsModel


class RetrievalSettings(SettingsModel):
    """How documents are cut into passages, and how many are kept."""

    passage_tokens: int = Field(default=200, ge=20, le=2000)
    """Length of a passage at most, in tokens of the embedding model."""
    max_documents: int = Field(default=2000, ge=1)
    """Documents of one user, and of one session, that are searched: the newest ones."""
    max_passages: int = Field(default=4000, ge=1)
    """Passages of one document. The rest of the document is not searched, and the answer says so."""
    wait: float = Field(default=60, gt=0)
    """Seconds that a search waits for documents that are still being read; then it says which are missing."""
    overlap_tokens: Internal[int] = 30
    """What a passage may repeat of the one before it, within one section."""
    max_all_passages: Internal[int] = 50_000
    """Passages of all documents of one user, or of one session."""

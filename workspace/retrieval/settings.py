"""Settings of document search."""

from pydantic import Field

from workspace.settings_model import Internal, SettingsModel


class RetrievalSettings(SettingsModel):
    """How documents are split into passages, and how many are searched."""

    passage_tokens: int = Field(default=200, ge=20, le=2000)
    """Maximum length of a passage, in tokens of the embedding model."""
    max_documents: int = Field(default=2000, ge=1)
    """Maximum number of searchable documents per user, and per session: the newest ones."""
    max_passages: int = Field(default=4000, ge=1)
    """Maximum number of passages of a document. The rest is not searched, which the results report."""
    wait: float = Field(default=60, gt=0)
    """How long a search waits for documents that are still being indexed, in seconds; then it reports which are
    missing.
    """
    overlap_tokens: Internal[int] = 30
    """Maximum overlap with the previous passage, within one section."""
    max_all_passages: Internal[int] = 50_000
    """Maximum number of passages of all documents of one user, or of one session."""

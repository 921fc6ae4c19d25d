"""The index for document search."""

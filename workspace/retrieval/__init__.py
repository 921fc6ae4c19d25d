"""The index that documents are searched with."""

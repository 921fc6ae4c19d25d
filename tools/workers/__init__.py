"""Worker processes that parse untrusted files."""

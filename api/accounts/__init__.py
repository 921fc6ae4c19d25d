"""Authentication and limits: passwords, tokens, API keys, quotas."""

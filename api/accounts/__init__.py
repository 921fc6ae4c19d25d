"""Who asks, and how much they may: passwords, tokens, keys, quotas."""

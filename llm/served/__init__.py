"""Models on a server: chat, failover, failures."""

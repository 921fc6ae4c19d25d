"""Models on servers: calls, failover, errors."""

"""ASGI middleware that every request passes through, and its settings."""

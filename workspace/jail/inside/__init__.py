"""What runs inside a jailed kernel. The server imports none of it."""

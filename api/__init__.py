"""The HTTP face, and the only place where the parts are put together."""

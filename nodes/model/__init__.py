"""One call of a model."""

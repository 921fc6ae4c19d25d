"""Rules that determine what a question needs, without a model."""

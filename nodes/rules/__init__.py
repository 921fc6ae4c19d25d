"""What a question seems to need, decided without a model."""

"""Looking at images: making them safe to show, and what can be said of them without a model that sees."""

"""Models that make vectors of texts, or rank them."""

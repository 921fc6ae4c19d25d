"""Image analysis: safe re-encoding, and what can be determined without a vision model."""

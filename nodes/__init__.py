"""The steps: state in, update out."""

"""Handlers, one file per format."""

"""Processes that parse what strangers sent."""

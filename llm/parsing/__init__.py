"""Parsers of models' output: thoughts, tool calls, JSON schemas."""

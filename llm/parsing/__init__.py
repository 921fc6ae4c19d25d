"""What models write, parsed: thoughts, tool calls, JSON schemas."""

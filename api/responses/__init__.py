"""`/v1/responses`: OpenAI's Responses, on the same turns, sessions and tools as Chat Completions."""

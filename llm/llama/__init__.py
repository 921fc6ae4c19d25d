"""Our llama.cpp engine."""

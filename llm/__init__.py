"""Where text comes from: one file a backend, each with a `build(settings)`. Imported only when chosen."""

BACKENDS = {
    "llamacpp": "llm.llamacpp",
    "openai": "llm.openai",
    "ollama": "llm.ollama",
}
VISION = "llm.llamacpp_vision"
"""The embedded model that is shown images: chosen apart from the one that writes."""

"""Model backends: one file per backend with a `build(settings)`, imported only if selected."""

BACKENDS = {
    "llamacpp": "llm.llamacpp",
    "openai": "llm.openai",
    "ollama": "llm.ollama",
}
VISION = "llm.llamacpp_vision"
"""The embedded vision model, selected separately from the text model."""

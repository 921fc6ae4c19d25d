"""Where text comes from: one file a backend, each with a `build(settings)`. Imported only when chosen."""

BACKENDS = {
    "llamacpp": "llm.llamacpp",
    "openai": "llm.openai",
    "ollama": "llm.ollama",
}

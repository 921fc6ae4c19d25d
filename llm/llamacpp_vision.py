"""x"""

from pathlib import Path

from langchain_core.language_models import BaseChatModel

from llm.settings import LlamaCppSettings


def load(model: Path, projector: Path, settings: LlamaCppSettings) -> BaseChatModel:
    raise NotImplementedError

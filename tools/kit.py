"""What a tool may use: the data of one session and its user, assembled by `api`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from langchain_core.language_models import BaseChatModel

from tools.coding.settings import CodingSettings
from tools.documents import Documents
from tools.files.reader import FileReader
from tools.vision.settings import VisionSettings
from tools.web.fetch import Fetcher
from tools.web.settings import WebSettings
from workspace.library import Library
from workspace.session import SessionWorkspace

OnOutput = Callable[[str], None]


def in_lines(on_output: OnOutput | None) -> OnOutput:
    """Passes on each text as a line of output, if there is anybody to read it."""

    def write(text: str) -> None:
        if on_output is not None:
            on_output(f"{text}\n")

    return write


@dataclass(frozen=True, slots=True)
class ToolKit:
    """Each tool uses the parts that it needs."""

    workspace: SessionWorkspace
    library: Library | None = None
    """The user's uploads; None if there is no user, as in Studio."""
    reader: FileReader | None = None
    """Reads the user's and the session's files, and fetched ones."""
    on_output: OnOutput | None = None
    """Receives what a tool prints while it runs."""
    fetcher: Fetcher = field(default_factory=lambda: Fetcher(WebSettings()))
    """Fetches public web pages; its settings also apply to web search."""
    vision: BaseChatModel | None = None
    """A vision model; None if there is none."""
    coder: BaseChatModel | None = None
    """A model that writes programs; None if there is none."""
    coding: CodingSettings = field(default_factory=CodingSettings)
    """Its settings."""
    looking: VisionSettings = field(default_factory=VisionSettings)
    """How images are passed to it."""
    off: frozenset[str] = frozenset()
    """Names of disabled tools."""
    documents: Documents | None = None
    """Search in the user's and the session's documents; None if there is none, as in Studio."""
    user: str = ""
    """The owner of the documents."""

"""What a tool may be given: everything of one session and its user, put together by `api`."""

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


@dataclass(frozen=True, slots=True)
class ToolKit:
    """Each tool takes what it needs."""

    workspace: SessionWorkspace
    library: Library | None = None
    """The user's own files; None where there is no user, as in Studio."""
    reader: FileReader | None = None
    """Reads the user's and the session's files, and what is fetched."""
    on_output: OnOutput | None = None
    """Hears what a tool prints while it runs."""
    fetcher: Fetcher = field(default_factory=lambda: Fetcher(WebSettings()))
    """Fetches pages of the public web; its settings are those of the web search too."""
    vision: BaseChatModel | None = None
    """A model that is shown images; None where there is none."""
    coder: BaseChatModel | None = None
    """A model that writes programs; None where there is none."""
    coding: CodingSettings = field(default_factory=CodingSettings)
    """How it is asked."""
    looking: VisionSettings = field(default_factory=VisionSettings)
    """How images are shown to it."""
    off: frozenset[str] = frozenset()
    """Names of tools that are turned off."""
    documents: Documents | None = None
    """The search in the user's and the session's documents; None where there is none, as in Studio."""
    user: str = ""
    """Whose documents they are."""

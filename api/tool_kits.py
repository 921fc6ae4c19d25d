"""What the tools of one session can use: the shared parts of the service, and only their user's data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from typing_extensions import override

from tools import build_all
from tools.coding.settings import CodingSettings
from tools.documents import Documents
from tools.files.cache import ProfileCache
from tools.files.reader import FileReader
from tools.kit import OnOutput, ToolKit
from tools.vision.settings import VisionSettings
from tools.web.fetch import Fetcher
from tools.workers.pool import Workers
from workspace.library import Library
from workspace.session import SessionWorkspace


@dataclass(frozen=True, slots=True)
class ToolKits:
    """Created once, from the parts that all tools share."""

    workers: Workers
    profiles: ProfileCache | None
    fetcher: Fetcher
    documents: Documents
    coder: BaseChatModel | None
    """Writes programs; None: the answering model does."""
    vision: BaseChatModel | None
    coding: CodingSettings
    looking: VisionSettings
    off: frozenset[str]
    users_dir: Path
    scratch: Path
    max_file_bytes: int

    def library(self, user: str) -> Library:
        """The user's uploads, by user ID."""
        return Library(self.users_dir / user / "files", self.max_file_bytes, self.scratch)

    def reader(self, user: str) -> FileReader:
        """Reads files for the user."""
        return FileReader(self.workers, self.profiles, user)

    def kit(
        self, workspace: SessionWorkspace, user: str, model: BaseChatModel, on_output: OnOutput | None = None
    ) -> ToolKit:
        """The kit for the tools of one session; `model` is the model that answers there."""
        return ToolKit(
            workspace=workspace,
            reader=self.reader(user),
            library=self.library(user),
            on_output=on_output,
            fetcher=self.fetcher,
            vision=self.vision,
            coder=self.coder or model,
            coding=self.coding,
            looking=self.looking,
            off=self.off,
            documents=self.documents,
            user=user,
        )

    def toolbox(
        self,
        workspace: SessionWorkspace,
        user: str,
        model: BaseChatModel,
        on_output: OnOutput | None = None,
        only: frozenset[str] | None = None,
    ) -> Mapping[str, BaseTool]:
        """The tools of one session by name, built on first access; `only` restricts them to these names."""
        return Toolbox(lambda: build_all(self.kit(workspace, user, model, on_output)), only)


class Toolbox(Mapping[str, BaseTool]):
    """Tools that are built on first access: most chat turns need none."""

    def __init__(self, build: Callable[[], dict[str, BaseTool]], only: frozenset[str] | None) -> None:
        self._build = build
        self._only = only
        self._built: dict[str, BaseTool] | None = None

    def _tools(self) -> dict[str, BaseTool]:
        if self._built is None:
            only = self._only
            self._built = {name: tool for name, tool in self._build().items() if only is None or name in only}
        return self._built

    @override
    def __getitem__(self, name: str) -> BaseTool:
        return self._tools()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._tools())

    @override
    def __len__(self) -> int:
        return len(self._tools())

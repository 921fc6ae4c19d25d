"""A service whose model plays the scenes."""

from collections.abc import AsyncIterator

import pytest

from tests.clients.scenes import SceneChat, scene_model
from tests.serving import Service, renew, running, settings_for, until


@pytest.fixture(scope="module")
async def playing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, SceneChat]]:
    model = scene_model()
    async with running(settings_for(tmp_path_factory.mktemp("clients") / "data"), model) as started:
        yield started, model


@pytest.fixture
def model(playing: tuple[Service, SceneChat]) -> SceneChat:
    """With an empty record of calls."""
    _, model = playing
    renew(model, scene_model())
    return model


@pytest.fixture
async def service(playing: tuple[Service, SceneChat], model: SceneChat) -> AsyncIterator[Service]:
    service, _ = playing
    yield service
    await until(lambda: service.idle)

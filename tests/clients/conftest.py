"""A service whose model plays the scenes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.scenes import SceneChat, scene_model
from tests.serving import Service, running, settings_for


@pytest.fixture
def model() -> SceneChat:
    return scene_model()


@pytest.fixture
async def service(tmp_path: Path, model: SceneChat) -> AsyncIterator[Service]:
    async with running(settings_for(tmp_path / "data"), model) as started:
        yield started

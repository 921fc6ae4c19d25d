"""`/v1/models`: what a person chooses from."""

import pytest

from api.wire.models import DESCRIPTIONS
from graph import MODES
from llm.scripted import ScriptedChat
from tests.people import Start
from tests.serving import Service, running

pytestmark = pytest.mark.one_service


async def test_modes_come_first_and_are_told_apart_from_models(service: Service) -> None:
    models = (await service.client.models.list()).data
    assert [model.id for model in models] == ["auto", "chat", "react", "plan_execute", "scripted"]
    assert [model.owned_by for model in models] == ["llm-api"] * 4 + ["llamacpp"]
    told = [model.model_extra or {} for model in models]
    assert len({extra["name"] for extra in told}) == len({extra["description"] for extra in told}) == 5
    assert all(extra["info"]["meta"]["description"] == extra["description"] for extra in told)
    assert "scripted" in told[-1]["name"]
    assert (await service.client.models.retrieve("react")).model_extra == told[2]


async def test_the_default_is_the_first_of_the_models(start: Start, model: ScriptedChat) -> None:
    async with start() as service:
        other = ScriptedChat(name_="larger")
        async with running(service.settings, model, other) as both:
            await both.http.post("/api/admin/model", json={"model": "larger"})
            listed = (await both.http.get("/v1/models")).json()["data"]
    assert [one["id"] for one in listed][4:] == ["larger", "scripted"]
    assert ["unless you choose" in one["description"] for one in listed][4:] == [True, False]


def test_every_mode_is_described() -> None:
    assert DESCRIPTIONS.keys() == MODES.keys()

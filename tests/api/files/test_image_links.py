"""Images created by the agent, as links in its answer that need no login and expire."""

import re
import time
from typing import Any

import jwt
import pytest

from api.accounts.setup import signing_keys
from api.files.image_links import AUDIENCE, ImageLinks
from llm.scripted import ScriptedChat
from tests.people import LOGIN, person
from tests.serving import Service, python_step

PLOT = python_step("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('drawn')")


async def drawn(http: Any, **extra: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "Draw a line."}], "agent_type": "react", **extra}
    answer = await http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_the_answer_shows_the_image_without_a_login(start: Any, model: ScriptedChat) -> None:
    model.replies = [PLOT, "Final Answer: Here it is."]
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        told = await drawn(ann.http)
        content = told["choices"][0]["message"]["content"]
        found = re.fullmatch(
            r"Here it is\.\n\n!\[figure-1\.png\]\((http://127\.0\.0\.1:\d+/api/images/[\w.-]+)\)", content
        )
        assert found, content
        image = await service.http.get(found[1])
        assert image.status_code == 200
        assert image.content.startswith(b"\x89PNG")
        assert image.headers["content-type"] == "image/png"
        assert image.headers["cross-origin-resource-policy"] == "cross-origin"
        history = (await ann.http.get(f"/api/conversations/{told['x_session_id']}/messages")).json()["messages"]
        assert history[-1]["content"] == "Here it is."
        await ann.http.delete(f"/api/conversations/{told['x_session_id']}")
        assert (await service.http.get(found[1])).status_code == 404


async def test_no_links_where_none_are_wanted(start: Any, model: ScriptedChat) -> None:
    model.replies = [PLOT, "Final Answer: Here it is."]
    async with start(image_link_hours=0) as service:
        assert (await drawn(service.http))["choices"][0]["message"]["content"] == "Here it is."


async def test_the_address_may_be_another_than_the_request_s(start: Any, model: ScriptedChat) -> None:
    model.replies = [PLOT, "Final Answer: Here it is."]
    async with start(public_url="https://agent.example/") as service:
        content = (await drawn(service.http))["choices"][0]["message"]["content"]
    assert "(https://agent.example/api/images/" in content


FORGED: dict[str, Any] = {
    "another key": ({}, "x" * 32),
    "expired": ({"exp": 1}, None),
    "for a login": ({"aud": "llm-api"}, None),
    "out of the folder": ({"file": "../../llm_api.sqlite"}, None),
    "no image": ({"file": "notes.txt"}, None),
    "another session": ({"sub": "x" * 22}, None),
    "a path for a session": ({"sub": "../.."}, None),
}


@pytest.mark.parametrize(("claims", "secret"), FORGED.values(), ids=FORGED.keys())
async def test_a_forged_link_leads_nowhere(service: Service, model: ScriptedChat, claims: Any, secret: Any) -> None:
    model.replies = ["Hello."]
    told = await drawn(service.http, agent_type="chat")
    folder = service.settings.data_dir / "sessions" / told["x_session_id"]
    (folder / "notes.txt").write_text("secret")
    (folder / "plot.png").write_bytes(b"\x89PNG")
    links = ImageLinks(signing_keys(service.settings.accounts, service.settings.secret_file), 1)
    assert (await service.http.get(f"/api/images/{links.token(told['x_session_id'], 'plot.png')}")).status_code == 200
    key = links.keys.all()[0]
    good = {"aud": AUDIENCE, "sub": told["x_session_id"], "file": "plot.png", "exp": int(time.time()) + 60}
    token = jwt.encode({**good, **claims}, secret or key.secret, "HS256", headers={"kid": key.kid})
    assert (await service.http.get(f"/api/images/{token}")).status_code == 404


def test_a_name_cannot_break_out_of_the_brackets(service: Service) -> None:
    links = ImageLinks(signing_keys(service.settings.accounts, service.settings.secret_file), 1)
    step: Any = {"artifacts": [{"filename": "a](http://evil)![.png", "mime": "image/png", "bytes": 1}]}
    assert links.markdown("s" * 22, [step], "http://here").startswith("\n\n![a__http___evil___.png](http://here/")

"""Images and files inside messages become session files, and are stored nowhere else."""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from api.wire.chat_request import ChatRequest
from llm.scripted import ScriptedChat
from tests.serving import Service
from tests.tools.vision.pictures import encoded, half_and_half
from tests.tools.web.pages import Site, site

pytestmark = pytest.mark.one_service

Start = Callable[..., AbstractAsyncContextManager[Service]]
PNG = encoded(half_and_half())
MARKER = b"MARKER-THAT-NOBODY-ELSE-WRITES"


def data_url(data: bytes = PNG, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": fields}


def says(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}


async def ask(service: Service, *messages: dict[str, Any], **extra: Any) -> dict[str, Any]:
    body = {"messages": list(messages), "agent_type": "chat", **extra}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def folder(service: Service, session: str) -> dict[str, bytes]:
    path = service.settings.data_dir / "sessions" / session
    return {entry.name: entry.read_bytes() for entry in sorted(path.iterdir())}


async def test_images_and_files_become_files_of_the_session(service: Service, model: ScriptedChat) -> None:
    model.replies = ["A flag."]
    jpeg = encoded(half_and_half(), "JPEG")
    told = await ask(
        service,
        says(
            image(data_url(), detail="high"),
            image(data_url()),
            image(data_url(jpeg, "image/png")),  # only the bytes count
            image(data_url(mime="IMAGE/PNG;charset=utf-8")),
            file(filename="../../notes\u202e.txt", file_data=data_url(b"hello", "text/plain")),
            file(filename="bare.bin", file_data=base64.b64encode(bytes(3_000_000)).decode()),
            file(file_data=data_url(b"%PDF-1.7", "application/pdf")),
            {"type": "input_text", "text": "And this?"},
        ),
    )
    files = folder(service, told["x_session_id"])
    assert files == {
        **{"image.png": PNG, "image-2.png": PNG, "image-3.png": PNG, "image.jpg": jpeg},
        **{"notes.txt": b"hello", "bare.bin": bytes(3_000_000), "file.pdf": b"%PDF-1.7"},
    }
    (asked,) = model.asked
    assert asked[-1].content == "What is this?\nAnd this?"
    assert set(asked[-1].additional_kwargs["files"]) == set(files)


async def test_only_images_of_new_messages_are_taken_in(service: Service, model: ScriptedChat) -> None:
    """A client without session IDs sends the whole conversation again at every turn."""
    model.replies = ["One.", "Two.", "Three."]
    first = says(image(data_url()))
    told = await ask(service, first)
    session = told["x_session_id"]
    answered = {"role": "assistant", "content": "One."}
    old_and_new = [first, answered, says(file(filename="new.txt", file_data=data_url(b"new")))]
    await ask(service, *old_and_new, session_id=session)
    assert set(folder(service, session)) == {"image.png", "new.txt"}
    elsewhere = await ask(service, says(image("data:image/png;base64,never looked at")), answered, says())
    assert folder(service, elsewhere["x_session_id"]) == {}


async def test_form_uploads_and_images_come_together(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Both."]
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps([says(image(data_url()))]), "agent_type": "chat"},
        files={"files": ("image.png", b"mine")},
    )
    assert answer.status_code == 200, answer.text
    assert folder(service, answer.json()["x_session_id"]) == {"image.png": b"mine", "image-2.png": PNG}


async def test_nothing_of_an_image_is_kept_in_the_database(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Seen.", "Again."]
    marked = PNG + MARKER
    told = await ask(service, says(image(data_url(marked)), file(filename="a.bin", file_data=data_url(MARKER * 9))))
    session = told["x_session_id"]
    await ask(service, says(image(data_url(marked))), session_id=session)
    assert folder(service, session)["image.png"] == marked
    written = b"".join(path.read_bytes() for path in service.settings.data_dir.glob("llm_api.sqlite*"))
    with sqlite3.connect(service.settings.database) as database:
        written += "\n".join(database.iterdump()).encode()
    assert b"What is this?" in written
    assert b"image.png" in written
    for start in range(3):  # base64 of the marker, at any offset
        inner = base64.b64encode(MARKER[start : start + 24])
        assert inner not in written
    assert MARKER not in written
    assert MARKER.hex().encode() not in written.lower()


IMAGE_FIELD = "messages.0.content.1.image_url"
FILE_FIELD = "messages.0.content.1.file"
BAD: dict[str, tuple[Any, int, str, str]] = {
    "no base64": (image("data:image/png;base64,§§§"), 400, IMAGE_FIELD, "valid base64"),
    "half a byte": (image("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgA"), 400, IMAGE_FIELD, "valid base64"),
    "padding in the middle": (image("data:image/png;base64,iVBO====iVBO"), 400, IMAGE_FIELD, "valid base64"),
    "nothing": (image("data:image/png;base64,"), 400, IMAGE_FIELD, "the data is empty"),
    "no comma": (image("data:image/png;base64"), 400, IMAGE_FIELD, "data:"),
    "not base64 at all": (image("data:image/svg+xml,<svg/>"), 400, IMAGE_FIELD, "data:"),
    "SVG": (image(data_url(b"<svg xmlns='x'></svg>", "image/svg+xml")), 400, IMAGE_FIELD, "not a PNG"),
    "text called an image": (image(data_url(b"just words, no image")), 400, IMAGE_FIELD, "not a PNG"),
    "a file of this machine": (image("file:///etc/passwd"), 400, IMAGE_FIELD, "http"),
    "a path": (image("/etc/passwd"), 400, IMAGE_FIELD, "http"),
    "an address inside": (image("http://127.0.0.1/image.png"), 400, IMAGE_FIELD, "inside"),
    "what clouds tell": (image("http://169.254.169.254/latest/"), 400, IMAGE_FIELD, "inside"),
    "an address that is none": (image("http://[::1/x.png"), 400, IMAGE_FIELD, "not a valid URL"),
    "a name that is no Punycode": (image("http://xn--/x.png"), 400, IMAGE_FIELD, "not a valid URL"),
    "a blank page": (image("about:blank"), 400, IMAGE_FIELD, "http"),
    "an empty address": (image(""), 400, IMAGE_FIELD, "http"),
    "no address": ({"type": "image_url", "image_url": {}}, 400, f"{IMAGE_FIELD}.url", "required"),
    "no image": ({"type": "image_url"}, 400, IMAGE_FIELD, "required"),
    "unknown detail": (image(data_url(), detail="most"), 400, f"{IMAGE_FIELD}.detail", "'auto'"),
    "too large": (image(data_url(PNG + bytes(2 << 20))), 413, IMAGE_FIELD, "limit of 1 MB"),
    "a file by its id": (file(file_id="file-1"), 400, f"{FILE_FIELD}.file_data", "required"),
    "a file that is no base64": (
        file(filename="a.txt", file_data="data:text/plain;base64,?"),
        400,
        FILE_FIELD,
        "base64",
    ),
    "a file in plain words": (file(filename="a.txt", file_data="data:text/plain,hello"), 400, FILE_FIELD, "data:"),
    "a file too large": (file(filename="a", file_data=data_url(bytes(2 << 20))), 413, FILE_FIELD, "limit of 1 MB"),
    "another kind of part": ({"type": "video_url"}, 400, "messages.0.content.1", "text, image_url or file"),
    "no part at all": (7, 400, "messages.0.content.1", "text, image_url or file"),
}


async def test_what_is_wrong_is_named_and_leaves_nothing(start: Start) -> None:
    async with start(max_upload_mb=1) as service:
        for name, (part, status, field, words) in BAD.items():
            body = {"messages": [says(part)], "agent_type": "chat"}
            answer = await service.http.post("/v1/chat/completions", json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["param"]) == (status, field), (name, error)
            assert words in error["message"], (name, error)
            assert error["message"].startswith(field), name
        sessions = service.settings.data_dir / "sessions"
        assert not sessions.exists() or list(sessions.iterdir()) == []


async def test_a_bad_second_image_takes_the_first_away_again(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello."]
    session = (await ask(service, says()))["x_session_id"]
    body = {"messages": [says(image(data_url()), image("data:x"))], "session_id": session}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.json()["error"]["param"] == "messages.0.content.2.image_url"
    assert folder(service, session) == {}


async def test_too_many_images(service: Service) -> None:
    for part, count in ((image(data_url()), 51), (image("https://example.com/a.png"), 11)):
        body = {"messages": [says(*[part] * count)]}
        answer = await service.http.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")


async def test_an_image_without_words_is_a_question_too(service: Service, model: ScriptedChat) -> None:
    """It was refused, but clients send it."""
    model.replies = ["A flag.", "A list."]
    alone = {"role": "user", "content": [image(data_url())]}
    assert (await ask(service, alone))["choices"][0]["message"]["content"] == "A flag."
    listed = {"role": "user", "content": [file(filename="a.txt", file_data=data_url(b"1, 2", "text/plain"))]}
    await ask(service, listed)
    assert [messages[-1].text for messages in model.asked] == ["What is in this image?", "What is in this file?"]
    nothing = await service.http.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": []}]})
    assert "has neither text nor files" in nothing.json()["error"]["message"]


# images on the web


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as running:
        yield running


async def test_an_image_of_the_web_is_fetched(start: Start, web: Site, model: ScriptedChat) -> None:
    model.replies = ["A flag."]
    async with start(web_allow_private_hosts=f"127.0.0.1:{web.port}") as service:
        told = await ask(service, says(image(f"{web.url}/flag.png"), image(f"{web.url}/to?url=/flag.png")))
        assert folder(service, told["x_session_id"]) == {"image.png": PNG, "image-2.png": PNG}
        for path, words in (
            ("/article", "The type text/html is not supported"),
            ("/picture", "not a PNG"),
            ("/status/404", "status 404"),
            ("/to?url=http://10.0.0.1/a.png", "inside"),
        ):
            assert words in await refusal(service, web.url + path), path


async def test_an_image_that_does_not_come_in_time_is_given_up(start: Start, web: Site) -> None:
    async with start(web_allow_private_hosts=f"127.0.0.1:{web.port}", web_timeout=0.3) as service:
        assert "took too long" in await refusal(service, f"{web.url}/drip.png")


async def refusal(service: Service, url: str) -> str:
    """The error for a message with the image at `url`."""
    answer = await service.http.post("/v1/chat/completions", json={"messages": [says(image(url))]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, IMAGE_FIELD), url
    return str(error["message"])


async def test_where_pages_are_not_read_images_are_not_fetched(start: Start, web: Site) -> None:
    async with start(web_allow_private_hosts=f"127.0.0.1:{web.port}", web_read_pages=False) as service:
        answer = await service.http.post(
            "/v1/chat/completions", json={"messages": [says(image(f"{web.url}/flag.png"))]}
        )
        assert "does not fetch images" in answer.json()["error"]["message"]
        assert web.hits == []


def test_the_openapi_description_names_the_parts() -> None:
    described = json.dumps(ChatRequest.model_json_schema())
    for kind in ("ImagePart", "FilePart", "TextPart"):
        assert kind in described


async def test_a_file_that_is_sent_again_is_not_stored_again(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Good."], True
    one, other = (base64.b64encode(data).decode() for data in (b"a\n1\n", b"a\n2\n"))
    both = says(file(filename="a.csv", file_data=one), file(filename="b.csv", file_data=one))
    session = (await ask(service, both))["x_session_id"]
    await ask(service, says(file(filename="a.csv", file_data=one)), session_id=session)
    assert folder(service, session) == {"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"}
    await ask(service, says(file(filename="a.csv", file_data=other)), session_id=session)
    told = (await service.http.get(f"/api/chat/history/{session}")).json()["messages"]
    assert [message["files"] for message in told[::2]] == [["a.csv", "b.csv"], ["a.csv"], ["a-2.csv"]]
    broken = says(file(filename="a.csv", file_data=one), file(filename="c.csv", file_data="???"))
    answer = await service.http.post("/v1/chat/completions", json={"messages": [broken], "session_id": session})
    assert answer.status_code == 400
    assert sorted(folder(service, session)) == ["a-2.csv", "a.csv", "b.csv"]

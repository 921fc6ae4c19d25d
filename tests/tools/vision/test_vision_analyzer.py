"""Image analysis over real HTTP, with and without a vision model."""

import asyncio
import base64
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llm.errors import ModelError
from llm.scripted import ScriptedChat
from tests.serving import Service, running, settings_for
from tests.tools.vision.pictures import HOSTILE, LINES, encoded, half_and_half, lying, printed
from tools.vision.images import show
from tools.vision.ocr import look
from tools.workers.jobs import JobError
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings
from workspace.errors import BadNameError, FileTooLargeError
from workspace.safe_open import read_file

Start = Callable[..., AbstractAsyncContextManager[Service]]


async def session_with(service: Service, model: ScriptedChat, files: dict[str, bytes]) -> str:
    """A session that has these files."""
    model.replies.append("Hello.")
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": '[{"role": "user", "content": "hello"}]', "agent_type": "chat"},
        files=[("files", item) for item in files.items()],
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["x_session_id"])


async def analyse(service: Service, session: str, filename: str, **extra: Any) -> dict[str, Any]:
    body = {"session_id": session, "input": {"filename": filename, **extra}}
    answer = await service.http.post("/api/tools/vision_analyzer", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_without_a_model_the_text_is_read_and_the_rest_is_said_to_be_unseen(
    service: Service, model: ScriptedChat
) -> None:
    turned = lying(printed().rotate(90, expand=True), 6)
    session = await session_with(service, model, {"bill.png": encoded(printed()), "turned.jpg": turned})
    body = await analyse(service, session, "bill.png", question="How much is due?")
    assert body["error"] is None
    assert body["output"].startswith("Text in the image:\n" + "\n".join(LINES))
    assert "1000 × 400 pixels (landscape, PNG). Main colours: white" in body["output"]
    assert "dark blue" in body["output"]
    assert "No model that sees images is set up here" in body["output"]
    data = body["data"]
    assert (data["seen_by"], data["width"], data["height"]) == ("text recognition", 1000, 400)
    assert [line["text"] for line in data["lines"]] == list(LINES)
    assert all(0.8 < line["confidence"] <= 1 for line in data["lines"])
    left, top, width, height = data["lines"][0]["pieces"][0]["box"]
    assert 40 < left < 70
    assert 25 < top < 60
    assert 350 < width < 500
    assert 20 < height < 60
    body = await analyse(service, session, "./turned.jpg")
    assert "Total amount due: 1,284.50 EUR" in body["output"]
    assert "has been turned upright" in body["output"]


async def charged(service: Service) -> tuple[int, int]:
    """Tokens read and written today."""
    days = (await service.http.get("/api/usage")).json()["days"]
    return (days[0]["tokens_in"], days[0]["tokens_out"]) if days else (0, 0)


async def test_regression_tokens_of_the_model_that_sees_were_charged_and_not_reported(
    tmp_path: Path, model: ScriptedChat
) -> None:
    """The tool's model alone answers an image question: its usage was reported as 0, but the user was charged."""
    seeing = ScriptedChat(replies=["A flag."])
    async with running(settings_for(tmp_path / "data"), model, seeing=seeing) as service:
        session = await session_with(service, model, {"flag.png": encoded(half_and_half((30, 20)))})
        before = await charged(service)
        question = {"role": "user", "content": "What does the picture flag.png show?"}
        body = {"session_id": session, "messages": [question], "agent_type": "react"}
        answer = (await service.http.post("/v1/chat/completions", json=body)).json()
        assert answer["choices"][0]["message"]["content"] == "A flag."
        usage, after = answer["usage"], await charged(service)
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert (after[0] - before[0], after[1] - before[1]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert answer["x_agent_metadata"]["llm_calls"] == len(seeing.asked) == 1


async def test_a_model_that_sees_is_shown_a_plain_image_for_a_while(tmp_path: Path, model: ScriptedChat) -> None:
    seeing = ScriptedChat(replies=["A red and a blue half.", "It shows a flag.", "   ", "never"])
    data = lying(half_and_half((3000, 2000)).rotate(90, expand=True), 6, tag271="SECRETCAMERA")
    async with running(
        settings_for(tmp_path / "data", vision_max_side=300, vision_timeout=2), model, seeing=seeing
    ) as service:
        session = await session_with(service, model, {"flag.jpg": data})
        body = await analyse(service, session, "flag.jpg", question="Which colours?")
        assert (body["output"], body["error"]) == ("A red and a blue half.", None)
        assert body["data"]["seen_by"] == "model"
        assert body["data"]["shown_as"] == [300, 200, "image/jpeg"]
        await analyse(service, session, "flag.jpg")
        assert (await analyse(service, session, "flag.jpg"))["error"] == "The vision model's reply is empty."
        seeing.gate = asyncio.Semaphore(0)
        assert "did not respond within 2 seconds" in (await analyse(service, session, "flag.jpg"))["error"]
        seeing.gate = None
        seeing.replies += [ModelError("It does not see today."), ModelError("Nor now.")]
        assert (await analyse(service, session, "flag.jpg"))["error"] == "It does not see today."
        model.replies += ["Final Answer: I cannot tell."]
        question = {"role": "user", "content": "What does the picture flag.jpg show?"}
        body = {"session_id": session, "messages": [question], "agent_type": "react"}
        answer = (await service.http.post("/v1/chat/completions", json=body)).json()
        (step,) = answer["x_agent_metadata"]["steps"]
        assert (step["error"], step["observation"]) == ("ToolFailed", "Nor now.")
        assert answer["choices"][0]["message"]["content"] == "I cannot tell."
    (message,) = seeing.asked[0]
    assert isinstance(message.content, list)
    words, shown = message.content
    assert words == {"type": "text", "text": "Which colours?"}
    assert isinstance(shown, dict)
    assert (shown["type"], shown["mime_type"]) == ("image", "image/jpeg")
    image = Image.open(io.BytesIO(base64.b64decode(shown["base64"])))
    assert image.size == (300, 200)
    assert b"SECRETCAMERA" not in base64.b64decode(shown["base64"])
    assert "Describe" in seeing.asked[1][0].text


async def test_files_are_found_by_their_name_alone(service: Service, model: ScriptedChat) -> None:
    session = await session_with(service, model, {"a.png": encoded(half_and_half()), "notes.txt": b"x"})
    library = service.settings.user_dir("local") / "files"
    library.mkdir(parents=True)
    (library / "own.png").write_bytes(encoded(half_and_half()))
    folder = service.settings.data_dir / "sessions" / session
    (folder / "link.png").symlink_to(library / "own.png")
    os.mkfifo(folder / "pipe.png")
    assert (await analyse(service, session, "own.png"))["error"] is None
    for name in ("none.png", "../../users/local/files/own.png", "/etc/passwd", "link.png", "pipe.png", "."):
        error = (await analyse(service, session, name))["error"]
        assert error == f"There is no file {name!r}. The images are: a.png, own.png.", name
    assert "not a supported image" in (await analyse(service, session, "notes.txt"))["error"]


async def test_wrong_input_is_named(service: Service) -> None:
    for wrong in ({}, {"filename": ""}, {"filename": "x" * 501}, {"filename": "a", "question": "x" * 4001}):
        answer = await service.http.post("/api/tools/vision_analyzer", json={"input": wrong})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] in ("input.filename", "input.question")


# in the worker


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    workers = Workers(WorkerSettings(), preload=("PIL.Image",))
    yield workers
    await workers.aclose()


async def test_a_hostile_image_is_refused_in_words(workers: Workers) -> None:
    for name, (data, words) in HOSTILE.items():
        with pytest.raises(JobError) as error:
            await workers.run(show, data, 1280)
        assert words in str(error.value), name
    with pytest.raises(JobError):
        await workers.run(look, HOSTILE["cut off"][0])


async def test_a_bomb_of_pixels_stays_within_its_memory(workers: Workers) -> None:
    """63 million pixels are allowed, but need more memory than a small worker has."""
    image = Image.new("1", (9000, 7000))
    picture = await workers.run(show, encoded(image), 100, memory=1 << 30)
    assert (picture.facts.width, picture.width) == (9000, 100)


# reading a file that is being written


def test_a_file_is_read_without_following_links(tmp_path: Path) -> None:
    folder, outside = tmp_path / "session", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (folder / "sub" / "a.bin").write_bytes(b"12345")
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to("loop")
    (folder / "alias").symlink_to("sub/a.bin")
    assert read_file(folder, "sub/a.bin", 5) == b"12345"
    with pytest.raises(FileTooLargeError):
        read_file(folder, "sub/a.bin", 4)
    for name in ("out/secret", "loop", "alias", "sub", "none", "sub/none", "a" * 5000, "\udcff"):
        with pytest.raises(FileNotFoundError):
            read_file(folder, name, 100)
    for name in ("../outside/secret", "sub/../../outside/secret", "/etc/passwd", "", "a\0b"):
        with pytest.raises(BadNameError):
            read_file(folder, name, 100)

"""The embedded vision model, with real code on tiny models with random weights, whose output is nonsense."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from llm import llamacpp_vision as vision
from llm.errors import BackendStoppedError, ModelDamagedError, ModelError, ModelMissingError, PromptTooLongError
from llm.llamacpp_vision import LlamaCppSeeingChat, contents, load
from llm.settings import LlamaCppSettings
from tests.llm.llama.tiny_gguf import projector, text_model
from tests.tools.vision.pictures import encoded, half_and_half, printed

SETTINGS = LlamaCppSettings(n_ctx=512, parallel=1)
RED_BLUE, WORDS = encoded(half_and_half()), encoded(printed(), "JPEG")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    return text_model(folder / "model.gguf"), projector(folder / "mmproj.gguf")


@pytest.fixture
def chat(files: tuple[Path, Path]) -> Iterator[LlamaCppSeeingChat]:
    loaded = load(*files, SETTINGS)
    yield loaded
    loaded.close()


def image(data: bytes, kind: str = "png") -> dict[str, Any]:
    return {"type": "image", "base64": base64.b64encode(data).decode(), "mime_type": f"image/{kind}"}


def ask(*parts: Any) -> list[HumanMessage]:
    return [HumanMessage([{"type": "text", "text": p} if isinstance(p, str) else p for p in parts])]


async def said(chat: LlamaCppSeeingChat, *parts: Any, **options: Any) -> AIMessage:
    return await chat.ainvoke(ask(*parts), **{"max_tokens": 8, **options})


def read(message: AIMessage) -> int:
    assert message.usage_metadata is not None
    return message.usage_metadata["input_tokens"]


async def test_what_is_said_depends_on_the_image_and_on_nothing_before_it(chat: LlamaCppSeeingChat) -> None:
    first = await said(chat, "What?", image(RED_BLUE))
    other = await said(chat, "What?", image(WORDS, "jpeg"))
    again = await said(chat, "What?", image(RED_BLUE))
    assert first.text
    assert first.text != other.text
    assert again.text == first.text
    alone = await said(chat, "What?")
    assert (read(first) - read(alone), first.response_metadata["finish_reason"]) == (4, "length")
    both = await said(chat, "What?", image(RED_BLUE), "And", image(WORDS))
    assert read(both) == read(first) + 4 + len("And")


async def test_control_tokens_in_a_question_are_plain_text(chat: LlamaCppSeeingChat) -> None:
    plain = await said(chat, "", image(RED_BLUE))
    forged = await said(chat, "<|im_end|>", image(RED_BLUE))
    assert read(forged) - read(plain) == len("<|im_end|>")


async def test_the_request_s_wishes_are_honoured(chat: LlamaCppSeeingChat) -> None:
    whole = (await said(chat, "What?", image(RED_BLUE), max_tokens=20)).text
    assert len((await said(chat, "What?", image(RED_BLUE), max_tokens=3)).text) < len(whole)
    stopped = await said(chat, "What?", image(RED_BLUE), max_tokens=20, stop=[whole[4:6]])
    assert stopped.text == whole[:4]
    assert stopped.response_metadata["finish_reason"] == "stop"
    warm = [await said(chat, "What?", image(RED_BLUE), temperature=1.5, seed=3) for _ in range(2)]
    assert warm[0].text == warm[1].text


async def test_requests_are_served_one_after_the_other(chat: LlamaCppSeeingChat) -> None:
    alone = [await said(chat, str(n), image(RED_BLUE)) for n in range(4)]
    together = await asyncio.gather(*(said(chat, str(n), image(RED_BLUE)) for n in range(4)))
    assert [message.text for message in together] == [message.text for message in alone]


async def test_a_reader_that_leaves_stops_the_model(chat: LlamaCppSeeingChat) -> None:
    async with aclosing(chat.astream(ask("What?", image(RED_BLUE)), max_tokens=400)) as pieces:  # type: ignore[type-var]
        async for _ in pieces:
            break
    waiting = asyncio.create_task(said(chat, "What?", image(RED_BLUE), max_tokens=400))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await asyncio.wait_for(said(chat, "What?", image(RED_BLUE)), 30)).text


async def test_closing_ends_what_is_under_way_and_what_waits(files: tuple[Path, Path], tmp_path: Path) -> None:
    endless = text_model(tmp_path / "endless.gguf", endless=True)
    chat = load(endless, files[1], LlamaCppSettings(n_ctx=32_768, parallel=1))
    stream = chat.astream(ask("What?", image(RED_BLUE)), max_tokens=30_000, stop=["never"])
    await anext(stream)
    waiting = asyncio.create_task(said(chat, "What?", image(RED_BLUE)))
    await asyncio.sleep(0)
    await asyncio.to_thread(chat.close)
    with pytest.raises(BackendStoppedError):
        async for _ in stream:
            pass
    with pytest.raises(BackendStoppedError):
        await waiting
    with pytest.raises(BackendStoppedError):
        await said(chat, "late")


async def test_a_prompt_that_does_not_fit_is_told(chat: LlamaCppSeeingChat) -> None:
    with pytest.raises(PromptTooLongError):
        await said(chat, "x" * 600, image(RED_BLUE))
    assert (await said(chat, "What?", image(RED_BLUE))).text


async def test_an_image_that_is_none_is_told(chat: LlamaCppSeeingChat) -> None:
    for data in (b"no image at all", RED_BLUE[:60]):
        with pytest.raises(ModelError, match="cannot decode this image"):
            await said(chat, "What?", image(data))
    assert (await said(chat, "What?", image(RED_BLUE))).text


def test_messages_are_taken_apart() -> None:
    url = f"data:image/png;base64,{base64.b64encode(RED_BLUE).decode()}"
    mixed = HumanMessage(["a", {"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "b"}])
    assert contents(mixed) == ["a", RED_BLUE, "b"]
    assert contents(SystemMessage("plain")) == ["plain"]
    for bad in ({"type": "image", "url": "https://example.com/a.png"}, {"type": "image", "base64": "?"}):
        with pytest.raises(ModelError):
            contents(HumanMessage([bad]))
    with pytest.raises(ModelError, match="supports text and images, not audio"):
        contents(HumanMessage([{"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}]))


# files


def build(model: Path | None, mmproj: Path | None) -> Any:
    return vision.build(LlamaCppSettings(vision_model_path=model, vision_mmproj_path=mmproj, n_ctx=512))


def test_both_files_are_needed(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, mmproj = files
    assert build(None, None) is None
    for given, missing in (
        ((model, None), "LLAMACPP_VISION_MMPROJ_PATH"),
        ((None, mmproj), "LLAMACPP_VISION_MODEL_PATH"),
    ):
        with pytest.raises(ModelMissingError, match=missing):
            build(*given)
    with pytest.raises(ModelMissingError, match="No model file at"):
        build(tmp_path / "none.gguf", mmproj)
    (tmp_path / "text.gguf").write_text("no model")
    with pytest.raises(ModelDamagedError, match="is not a GGUF"):
        build(model, tmp_path / "text.gguf")
    assert build(model, mmproj) is not None  # nothing is loaded yet, so there is nothing to close


async def test_files_that_do_not_fit_are_told_at_the_first_image(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, mmproj = files
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(mmproj.read_bytes()[:2000])
    for wrong in (cut, model, projector(tmp_path / "wide.gguf", width=96)):
        chat = load(model, wrong, SETTINGS)
        try:
            with pytest.raises(ModelDamagedError, match=wrong.name):
                await said(chat, "What?", image(RED_BLUE))
        finally:
            chat.close()

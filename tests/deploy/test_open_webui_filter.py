"""Open WebUI's filter, called as Open WebUI calls it; its own modules are replaced by small stand-ins."""

import base64
import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

PLUGIN = Path(__file__).parents[2] / "deploy" / "open-webui" / "llm_api_filter.py"
PICTURE = "open('plot.png', 'wb').write(bytes.fromhex('89504e470d0a1a0a')); open('the months.csv', 'w').write('Jan')"
USER = {"id": "ann"}


@dataclass
class StoredFile:
    """Open WebUI's `FileModel`, as far as the filter needs it."""

    id: str
    user_id: str
    filename: str
    path: str
    meta: dict[str, Any] = field(default_factory=dict)

    def read(self) -> bytes:
        return Path(self.path).read_bytes()


@dataclass
class OpenWebUI:
    """What is in Open WebUI's database and storage."""

    folder: Path
    files: dict[str, StoredFile] = field(default_factory=dict)

    def add(self, name: str, data: bytes, owner: str = "ann", mime: str = "text/csv", size: int | None = None) -> str:
        identifier = f"id-{len(self.files)}"
        path = self.folder / identifier
        path.write_bytes(data)
        meta = {"name": name, "content_type": mime, "size": len(data) if size is None else size}
        self.files[identifier] = StoredFile(identifier, owner, f"{identifier}_{name}", str(path), meta)
        return identifier

    async def get_file_by_id(self, identifier: str) -> StoredFile | None:
        return self.files.get(identifier)

    def get_user_by_id(self, identifier: str) -> str:
        """Not asynchronous, as in older versions."""
        return identifier

    def get_file(self, path: str) -> str:
        return path

    async def upload(self, _request: Any, *, file: Any, metadata: Any, process: bool, user: str) -> StoredFile:
        assert not process, "the copy is not indexed"
        return self.files[self.add(file.filename, await file.read(), user, file.content_type)]


@pytest.fixture
def web_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenWebUI:
    stored = OpenWebUI(tmp_path)
    modules: dict[str, dict[str, Any]] = {
        "models.files": {"Files": stored},
        "models.users": {"Users": stored},
        "storage.provider": {"Storage": stored},
        "routers.files": {"upload_file_handler": stored.upload},
    }
    for name, content in {"": {}, "models": {}, "storage": {}, "routers": {}, **modules}.items():
        module = ModuleType(f"open_webui.{name}".rstrip("."))
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return stored


@pytest.fixture
def plugin(web_ui: OpenWebUI) -> Any:
    """The filter, loaded from its file as Open WebUI does."""
    spec = importlib.util.spec_from_file_location("llm_api_filter", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Filter()


def listed(identifier: str) -> dict[str, Any]:
    return {"type": "file", "id": identifier}


def body(*files: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Look."}], "files": list(files)}


async def test_new_files_are_attached_and_none_is_left_to_retrieval(plugin: Any, web_ui: OpenWebUI) -> None:
    old, new = web_ui.add("old.csv", b"a\n1\n"), web_ui.add("sales.csv", b"b\n2\n")
    collection = {"type": "collection", "id": "knowledge"}
    metadata = {"chat_id": "chat", "user_message": {"files": [listed(new)]}}
    told = await plugin.inlet(body(listed(old), listed(new), collection), __metadata__=metadata, __user__=USER)
    text, part = told["messages"][-1]["content"]
    assert text == {"type": "text", "text": "Look."}
    data = base64.b64encode(b"b\n2\n").decode()
    assert part == {"type": "file", "file": {"filename": "sales.csv", "file_data": f"data:text/csv;base64,{data}"}}
    assert told["files"] == [collection]
    assert told["chat_id"] == "chat"


async def test_a_later_question_sends_no_file_again(plugin: Any, web_ui: OpenWebUI) -> None:
    old = web_ui.add("old.csv", b"a\n1\n")
    told = await plugin.inlet(body(listed(old)), __metadata__={"user_message": {}}, __user__=USER)
    assert (told["messages"][-1]["content"], told["files"]) == ("Look.", [])


async def test_versions_that_do_not_tell_the_new_files_send_all(plugin: Any, web_ui: OpenWebUI) -> None:
    told = await plugin.inlet(body(listed(web_ui.add("a.csv", b"a"))), __metadata__={}, __user__=USER)
    assert [part["type"] for part in told["messages"][-1]["content"]] == ["text", "file"]


async def test_what_is_not_the_users_own_file_is_left_alone(plugin: Any, web_ui: OpenWebUI) -> None:
    others = [
        listed(web_ui.add("secret.csv", b"x", owner="bob")),
        listed(web_ui.add("huge.csv", b"x", size=1 << 40)),
        listed(web_ui.add("photo.png", b"x", mime="image/png")),
        listed("missing"),
        {"type": "note", "id": "note"},
    ]
    metadata = {"chat_id": "local:temporary", "user_message": {"files": others}}
    told = await plugin.inlet(body(*others), __metadata__=metadata, __user__=USER)
    assert told == body(*others)


async def test_without_files_only_the_chat_is_named(plugin: Any) -> None:
    told = await plugin.inlet({"messages": []}, __metadata__={"chat_id": "chat"}, __user__=USER)
    assert told == {"messages": [], "files": [], "chat_id": "chat"}


async def test_charts_and_files_of_an_answer_are_kept(
    plugin: Any, web_ui: OpenWebUI, service: Service, model: ScriptedChat
) -> None:
    model.replies = [python_step(PICTURE), "Final Answer: Drawn."]
    asked = {"model": "react", "stream": True, "messages": [{"role": "user", "content": "Draw."}]}
    answer = await service.http.post("/v1/chat/completions", json=asked)
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: {")]
    plugin.valves.service_url = f"{service.url}/v1"
    emitted: list[dict[str, Any]] = []

    async def emit(event: dict[str, Any]) -> None:
        emitted.append(event)

    events = [await plugin.stream(json.loads(line), __user__=USER, __event_emitter__=emit) for line in lines]
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert text == "Drawn.\n\n![plot.png](/api/v1/files/id-0/content)"
    picture, table = web_ui.files.values()
    assert (picture.read(), picture.user_id) == (bytes.fromhex("89504e470d0a1a0a"), "ann")
    assert table.read() == b"Jan"
    link = {"type": "file", "name": "the months.csv", "url": "/api/v1/files/id-1/content", "size": 3}
    assert emitted == [{"type": "files", "data": {"files": [link]}}]


async def test_a_link_that_cannot_be_copied_stays(plugin: Any, web_ui: OpenWebUI, service: Service) -> None:
    plugin.valves.service_url = service.url
    text = "![a](http://elsewhere.example/api/images/forged) ![b](https://elsewhere.example/b.png)"
    event = {"choices": [{"delta": {"content": text}}]}
    assert await plugin.stream(event, __user__=USER) == {"choices": [{"delta": {"content": text}}]}
    assert web_ui.files == {}
    assert await plugin.stream({"error": {"message": "x"}}, __user__=USER) == {"error": {"message": "x"}}

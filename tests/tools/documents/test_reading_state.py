"""How far the reading of a user's documents has come, and what is not searched."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service
from tests.tools.documents.pdf_cases import one_picture, pages_of_pictures, picture_of, scan
from tests.workspace.retrieval.hashing import HashedWords
from tools import PRELOAD
from tools.documents import Documents
from tools.files.reader import FileReader
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings
from workspace.retrieval.indexes import Indexes, Places
from workspace.retrieval.settings import RetrievalSettings


class Shelf:
    """One user's documents and one session's, with text recognition of at most two pages."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder = folder
        places = Places(
            user=lambda user: folder / "users" / user, session=lambda name: folder / "sessions" / name, scratch=folder
        )
        settings = RetrievalSettings()
        self.indexes = Indexes(places, HashedWords(), settings, readers=2, max_file_bytes=1 << 24)
        self.documents = Documents(self.indexes, FileReader(workers), 60, ocr_pages=2)

    def put(self, place: str, data: bytes) -> None:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    workers = Workers(WorkerSettings(), preload=PRELOAD)
    found = Shelf(tmp_path, workers)
    yield found
    await found.documents.aclose()
    await workers.aclose()


async def test_the_pages_are_counted_while_a_scan_is_read(shelf: Shelf) -> None:
    shelf.put("users/ann/files/survey.pdf", scan())
    lines: list[str] = []
    found = await shelf.documents.search("ann", None, "willow", 3, report=lines.append)
    assert found.hits[0].passage.page == 3
    assert set(lines) <= {f"survey.pdf: page {number} of 4, by text recognition" for number in (2, 3)}
    assert lines
    states = await shelf.documents.states("ann")
    assert (states["survey.pdf"].state, states["survey.pdf"].detail) == ("searchable", "")


async def test_a_state_tells_what_is_read_at_the_moment(shelf: Shelf) -> None:
    shelf.put("users/ann/files/fax.tif", pages_of_pictures())
    assert (await shelf.documents.states("ann"))["fax.tif"].state == "queued"  # and reading begins
    seen = set[str]()
    while (state := (await shelf.documents.states("ann"))["fax.tif"]).state != "searchable":
        seen.add(f"{state.state} {state.detail}".strip())
        await asyncio.sleep(0.01)
    assert "reading page 1 of 2, by text recognition" in seen


async def test_pages_beyond_the_limit_are_named(shelf: Shelf) -> None:
    pages = [picture_of([f"Leaf {number}"], (400, 300)) for number in range(5)]
    path = shelf.folder / "users/ann/files/many.tif"
    path.parent.mkdir(parents=True)
    pages[0].save(path, save_all=True, append_images=pages[1:])
    found = await shelf.documents.search("ann", None, "leaf", 3)
    assert found.notes["many.tif"].startswith("3 of its 5 scanned pages were not read")
    assert {hit.passage.page for hit in found.hits} <= {1, 2}
    again = Documents(shelf.indexes, FileReader(Workers(WorkerSettings())), 60)
    assert (await again.search("ann", None, "leaf", 3)).notes == found.notes
    await again.aclose()


async def test_photos_without_text_and_charts_of_a_session_are_not_reported(shelf: Shelf, tmp_path: Path) -> None:
    picture_of([], (200, 100)).save(tmp_path / "photo.png")
    shelf.put("users/ann/files/photo.png", (tmp_path / "photo.png").read_bytes())
    shelf.put("sessions/one/chart.png", one_picture("PNG"))
    shelf.put("sessions/one/fax.tif", pages_of_pictures())
    found = await shelf.documents.search("ann", "one", "invoice", 3)
    assert (found.files, found.skipped, found.notes) == (["photo.png", "fax.tif"], {}, {})
    assert "613" in found.hits[0].passage.text


async def test_the_list_of_files_tells_whether_they_can_be_searched(service: Service) -> None:
    files = [
        ("files", ("a.txt", b"Roses are pruned.")),
        ("files", ("b.csv", b"x,y\n1,2\n")),
        ("files", ("c.docx", b"PK\x03\x04 nothing")),
    ]
    answer = await service.http.post("/api/upload", files=files)
    assert [file["search"] and file["search"]["state"] for file in answer.json()["files"]][1] is None
    await service.http.post("/api/tools/rag_retriever", json={"input": {"query": "roses"}})
    listed: dict[str, Any] = {
        file["label"]: file["search"] for file in (await service.http.get("/api/files")).json()["files"]
    }
    assert listed["a.txt"] == {"state": "searchable", "detail": ""}
    assert listed["b.csv"] is None
    assert listed["c.docx"]["state"] == "unreadable"
    assert listed["c.docx"]["detail"].endswith(".")


async def test_a_run_streams_how_far_reading_has_come(service: Service, model: ScriptedChat) -> None:
    model.replies = [
        "Thought: I look it up.\nAction: rag_retriever\nAction Input: Where is the boundary stone?",
        "Final Answer: By the willow.",
    ]
    question = {"role": "user", "content": "Where is the boundary stone?"}
    form = {"messages": json.dumps([question]), "agent_type": "react", "stream": "true"}
    heard = ""
    async with service.http.stream(
        "POST", "/v1/chat/completions", data=form, files={"files": ("survey.pdf", scan())}
    ) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                heard += json.loads(line.removeprefix("data: ")).get("x_agent_output", "")
    assert "survey.pdf: page 2 of 4, by text recognition\n" in heard


async def test_the_analyzer_shows_the_first_scanned_pages(service: Service) -> None:
    stored = (await service.http.post("/api/upload", files={"files": ("survey.pdf", scan())})).json()["files"][0][
        "name"
    ]
    answer = await service.http.post("/api/tools/file_analyzer", json={"input": {"filename": stored}})
    data = answer.json()["data"]
    assert data["scanned"] == [2, 3]
    assert data["notes"] == ["The text of pages 2, 3 is in pictures, which text recognition reads."]
    assert "Plot 17 measures 830" in json.dumps(data["preview"])

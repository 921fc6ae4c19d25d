"""Where the text of a document is: each file is uploaded, searched and analyzed, as a person would."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.serving import Service
from tests.tools.documents import other_cases, pdf_cases, word_cases
from tests.tools.documents.case import Case
from tests.tools.documents.compound_file import compound_file
from tests.tools.documents.pdf_cases import encrypted

pytestmark = pytest.mark.one_service
CASES = [*word_cases.CASES, *pdf_cases.CASES, *other_cases.CASES]


async def tool(service: Service, name: str, given: dict[str, Any]) -> dict[str, Any]:
    answer = await service.http.post(f"/api/tools/{name}", json={"input": given})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def uploaded(service: Service, name: str, data: bytes) -> str:
    answer = await service.http.post("/api/upload", files={"files": (name, data)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["files"][0]["name"])


@pytest.mark.parametrize("case", CASES, ids=[case.file for case in CASES])
async def test_the_words_are_found_and_shown(service: Service, case: Case) -> None:
    name = await uploaded(service, case.file, case.make())
    found = await tool(service, "rag_retriever", {"query": case.query, "files": [name], "top_k": 20})
    text = json.dumps([source["text"] for source in found["sources"]], ensure_ascii=False)
    assert [words for words in case.expected if words not in text] == []
    assert [words for words in case.absent if words in text] == []
    assert all(Counter(text)[mark] < 100 for mark in "☒☐")
    analyzed = await tool(service, "file_analyzer", {"filename": name})
    assert analyzed["error"] is None
    if case.analyzed:
        shown = analyzed["data"]["preview"]
        assert [words for words in case.expected if words not in shown] == []
        assert [words for words in case.absent if words in shown] == []


async def test_nothing_is_found_twice(service: Service) -> None:
    """Both alternatives of a text box, and a header of several sections."""
    twice = {"box.docx": (word_cases.text_box, "gate 14"), "margins.docx": (word_cases.margins, "ZK-3381")}
    for file, (make, words) in twice.items():
        name = await uploaded(service, file, make())
        found = await tool(service, "rag_retriever", {"query": words, "files": [name], "top_k": 20})
        assert sum(source["text"].count(words) for source in found["sources"]) == 1


async def test_tracked_changes_are_reported(service: Service) -> None:
    name = await uploaded(service, "revisions.docx", word_cases.revisions())
    analyzed = await tool(service, "file_analyzer", {"filename": name})
    (note,) = analyzed["data"]["notes"]
    assert "1 insertion" in note
    assert "by Ida" in note


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("secret.pdf", encrypted("sesame"), "locked with a password"),
        ("old.doc", compound_file({"WordDocument": b""}), "Save it as .docx"),
        ("old.ppt", compound_file({"PowerPoint Document": b""}), "Save it as .pptx"),
        ("locked.docx", compound_file({"EncryptedPackage": b""}), "locked with a password"),
        ("cut.odt", other_cases.open_text()[:400], "damaged"),
        ("empty.docx", b"", "empty"),
    ],
)
async def test_what_cannot_be_read_is_said_in_one_sentence(
    service: Service, name: str, data: bytes, reason: str
) -> None:
    stored = await uploaded(service, name, data)
    await uploaded(service, "other.txt", b"Some other words.")
    found = await tool(service, "rag_retriever", {"query": "What is the code?"})
    assert reason in found["data"]["skipped"][stored]
    analyzed = await tool(service, "file_analyzer", {"filename": stored})
    assert reason in analyzed["error"]

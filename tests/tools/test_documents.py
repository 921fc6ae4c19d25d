"""Users' documents: kept separate, up to date, and deleted with their files."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workspace.retrieval.hashing import HashedWords
from tools.documents import Documents
from tools.files.reader import FileReader
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings
from workspace.errors import BadNameError
from workspace.retrieval.indexes import Indexes, Places
from workspace.retrieval.settings import RetrievalSettings


class Disk:
    """The folders of all users and sessions, and the search over them."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder = folder
        self.model = HashedWords()
        places = Places(
            user=lambda user: folder / "users" / user, session=lambda name: folder / "sessions" / name, scratch=folder
        )
        self.indexes = Indexes(places, self.model, RetrievalSettings(), readers=2, max_file_bytes=1 << 20)
        self.documents = Documents(self.indexes, FileReader(workers), 60)

    def write(self, user: str, name: str, text: str) -> Path:
        return _write(self.folder / "users" / user / "files" / name, text)

    def write_session(self, session: str, name: str, text: str) -> Path:
        return _write(self.folder / "sessions" / session / name, text)

    async def names(self, user: str, session: str | None, query: str = "the common words") -> set[str]:
        return {hit.file for hit in (await self.documents.search(user, session, query, 20)).hits}


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    workers = Workers(WorkerSettings())
    found = Disk(tmp_path, workers)
    yield found
    await found.documents.aclose()
    await workers.aclose()


async def test_a_session_s_documents_and_the_user_s_are_ranked_together(disk: Disk) -> None:
    disk.write("ann", "library.txt", "The common words of the library: apples.")
    disk.write_session("one", "attached.txt", "The common words of the session: pears.")
    found = await disk.documents.search("ann", "one", "apples", 5)
    assert [hit.file for hit in found.hits] == ["library.txt", "attached.txt"]
    assert (await disk.documents.search("ann", "one", "pears", 1)).hits[0].file == "attached.txt"
    assert found.passages == 2
    assert await disk.names("ann", None) == {"library.txt"}


async def test_regression_no_user_is_given_another_user_s_passages(disk: Disk) -> None:
    """Many users with the same words, their searches interleaved, indexes opened and closed again."""
    users = [f"user{number}" for number in range(8)]
    for user in users:
        disk.write(user, f"{user}.txt", f"The common words belong to {user}.")
        disk.write_session(f"s-{user}", f"{user}-note.txt", f"The common words of a session of {user}.")
    order = users * 3
    random.Random(5).shuffle(order)
    for user, names in zip(
        order, await asyncio.gather(*(disk.names(user, f"s-{user}") for user in order)), strict=True
    ):
        assert names == {f"{user}.txt", f"{user}-note.txt"}
    for user in users:
        assert await disk.names(user, None, "words of a session of user1 user2") == {f"{user}.txt"}


@pytest.mark.parametrize("name", ["../ann", "ann/../bob", "", ".", "..", "a\0b", "/etc", "a/b", "x" * 200])
async def test_names_that_lead_elsewhere_are_refused(disk: Disk, name: str) -> None:
    disk.write("ann", "a.txt", "The common words.")
    with pytest.raises(BadNameError):
        await disk.documents.search(name, None, "words", 5)
    with pytest.raises(BadNameError):
        await disk.documents.search("ann", name, "words", 5)


async def test_a_copy_in_a_session_is_neither_embedded_nor_found_twice(disk: Disk) -> None:
    disk.write("ann", "a.txt", "The common words.")
    assert await disk.names("ann", None) == {"a.txt"}
    disk.write_session("one", "copy.txt", "The common words.")
    found = await disk.documents.search("ann", "one", "words", 5)
    assert [hit.file for hit in found.hits] == ["a.txt"]
    assert len(disk.model.embedded) == 1
    asked = await disk.documents.search("ann", "one", "words", 5, ["copy.txt"])
    assert len(asked.hits) == 1


async def test_a_question_right_after_a_change_is_right(disk: Disk) -> None:
    path = disk.write("ann", "a.txt", "The common words.")
    disk.documents.schedule("ann")
    assert await disk.names("ann", None) == {"a.txt"}
    disk.write("ann", "b.txt", "More common words.")
    path.unlink()
    assert await disk.names("ann", None) == {"b.txt"}


async def test_a_search_does_not_wait_for_ever_and_shows_nothing_deleted(disk: Disk) -> None:
    gone = disk.write("ann", "gone.txt", "The common words.")
    disk.write("ann", "kept.txt", "Other common words.")
    assert await disk.names("ann", None) == {"gone.txt", "kept.txt"}
    impatient = Documents(disk.indexes, FileReader(Workers(WorkerSettings())), 0.05)
    async with disk.indexes.index(("ann", None)).turn:  # as if a long document were being read
        gone.unlink()
        disk.write("ann", "new.txt", "New common words.")
        found = await impatient.search("ann", None, "common", 5)
    assert [hit.file for hit in found.hits] == ["kept.txt"]
    assert list(found.pending) == ["gone.txt", "new.txt"]
    await impatient.aclose()


async def test_what_is_deleted_is_gone_from_disk_too(disk: Disk) -> None:
    disk.write("ann", "a.txt", "The common words of the library.")
    disk.write("bob", "b.txt", "The common words of bob.")
    for session in ("one", "two"):
        disk.write_session(session, f"{session}.txt", f"The common words of session {session}.")
        await disk.names("ann", session)
    await disk.names("bob", None)
    shutil.rmtree(disk.folder / "sessions" / "one")
    await disk.documents.drop_session("ann", "one")
    assert not (disk.folder / "users/ann/index-sessions/one").exists()
    assert await disk.names("ann", "two") == {"a.txt", "two.txt"}
    shutil.rmtree(disk.folder / "users/ann/files")
    shutil.rmtree(disk.folder / "sessions" / "two")
    disk.documents.schedule("ann", "two")
    await disk.documents.drop_user("ann")
    assert not (disk.folder / "users/ann/index").exists()
    assert not list((disk.folder / "users/ann").rglob("*.seg"))
    assert await disk.names("ann", None) == set()
    assert await disk.names("bob", None) == {"b.txt"}


async def test_closing_ends_what_is_under_way(disk: Disk) -> None:
    for number in range(20):
        disk.write("ann", f"{number}.txt", f"The common words {number}.")
    disk.documents.schedule("ann")
    await disk.documents.aclose()
    left = [task for task in asyncio.all_tasks() if "Documents" in repr(task)]
    assert left == []

"""An index follows its documents, survives crashes, damage and concurrent processes, and follows no links."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workspace.retrieval.hashing import HashedWords, whole_text
from workspace.retrieval.document_segment import FULL, NO_TEXT
from workspace.retrieval.index import FolderIndex
from workspace.retrieval.settings import RetrievalSettings
from workspace.retrieval.types import ExtractedText, ModelIdentity, Report, VectorsUnavailableError

Make = Callable[..., FolderIndex]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def make(tmp_path: Path, files: Path) -> Make:
    """An index on the test's folders; a second one simulates another process, or the next start."""

    def index(
        model: HashedWords | None = None, *, readers: int = 2, max_file_bytes: int = 1 << 20, **values: int
    ) -> FolderIndex:
        settings = RetrievalSettings().model_copy(update=values)  # smaller than an operator may choose
        folder = tmp_path / "index"
        return FolderIndex(
            files, folder, tmp_path, model or HashedWords(), settings, readers=readers, max_file_bytes=max_file_bytes
        )

    return index


def texts(index: FolderIndex) -> dict[str, str]:
    return {name: document.segment.passages[0].text for name, document in index.documents.items()}


async def test_only_what_changed_is_embedded(make: Make, files: Path) -> None:
    (files / "a.txt").write_text("apples")
    (files / "b.md").write_text("pears")
    (files / "table.csv").write_text("a,b\n1,2")
    model = HashedWords()
    index = make(model)
    await index.sync(whole_text)
    assert texts(index) == {"a.txt": "apples", "b.md": "pears"}
    assert sorted(model.embedded) == ["apples", "pears"]

    (files / "a.txt").write_text("plums")
    (files / "b.md").touch()
    (files / "c.txt").write_text("pears")  # the same content under another name
    assert await index.changed() == {"a.txt", "b.md", "c.txt"}
    await index.sync(whole_text)
    assert model.embedded[2:] == ["plums"]
    (files / "b.md").unlink()
    await index.sync(whole_text)
    assert texts(index) == {"a.txt": "plums", "c.txt": "pears"}
    assert await index.changed() == set()

    again = HashedWords()
    opened = make(again)
    await opened.sync(whole_text)
    assert (texts(opened), again.embedded) == (texts(index), [])


async def test_what_cannot_be_read_is_remembered_with_the_reason(make: Make, files: Path) -> None:
    (files / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (files / "empty.txt").write_text("  ")
    (files / "large.txt").write_text("x" * 100)
    (files / "good.txt").write_text("good")
    index = make(max_file_bytes=50)
    await index.sync(whole_text)
    reasons = {name: record.reason for name, record in index.records.items() if record.reason}
    assert reasons == {"bad.txt": "It is not text.", "empty.txt": NO_TEXT, "large.txt": "It is larger than 0 MB."}
    assert list(index.documents) == ["good.txt"]
    assert await index.changed() == set()


async def test_limits_keep_the_newest_and_say_what_is_missing(make: Make, files: Path) -> None:
    for number in range(4):
        (files / f"{number}.txt").write_text(f"document {number} " + "word " * 30)
        os.utime(files / f"{number}.txt", (number, number))
    index = make(max_documents=3, passage_tokens=10, overlap_tokens=0, max_passages=2, max_all_passages=5, readers=1)
    await index.sync(whole_text)
    assert {n: (r.passages, r.cut, r.reason) for n, r in index.records.items()} == {
        "3.txt": (2, True, ""),
        "2.txt": (2, True, ""),
        "1.txt": (0, False, FULL),
    }
    (files / "3.txt").unlink()
    await index.sync(whole_text)
    assert index.records["1.txt"].passages == 2, "room that became free is used"


async def test_an_index_of_another_model_is_never_mixed_in(make: Make, files: Path) -> None:
    (files / "a.txt").write_text("apples")
    await make().sync(whole_text)
    for other in (HashedWords(revision="2"), HashedWords(dimension=32)):
        index = make(other)
        await index.sync(whole_text)
        assert other.embedded == ["apples"]
        assert index.documents["a.txt"].segment.vectors.shape == (1, other.dimension)


async def test_damage_and_loss_under_a_running_service_are_made_good(make: Make, files: Path, tmp_path: Path) -> None:
    (files / "a.txt").write_text("apples")
    index = make()
    for _ in range(2):
        await index.sync(whole_text)
        (tmp_path / "index" / "manifest.json").write_text("{")
    await index.sync(whole_text)
    shutil.rmtree(tmp_path / "index")
    await index.sync(whole_text)
    assert texts(index) == {"a.txt": "apples"}
    again = HashedWords()
    await make(again).sync(whole_text)
    assert again.embedded == []


async def test_other_passages_are_cut_anew(make: Make, files: Path) -> None:
    (files / "a.txt").write_text("one two three four")
    await make().sync(whole_text)
    index = make(passage_tokens=2, overlap_tokens=0)
    await index.sync(whole_text)
    assert index.records["a.txt"].passages == 2


async def test_every_damaged_byte_is_noticed_and_made_good(make: Make, files: Path, tmp_path: Path) -> None:
    """Damaged data is never used, and never makes an index look empty."""
    (files / "a.txt").write_text("apples and pears")
    await make().sync(whole_text)
    for path in [p for p in (tmp_path / "index").iterdir() if p.name != ".lock"]:
        whole = path.read_bytes()
        damages = [whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :] for at in range(0, len(whole), 11)]
        for damage in [*damages, b"", whole[: len(whole) // 2], whole + b"x", b"{}", b"null", b"[]"]:
            path.write_bytes(damage)
            index = make()
            await index.sync(whole_text)
            assert texts(index) == {"a.txt": "apples and pears"}
            assert path.read_bytes() == whole


async def test_a_killed_sync_leaves_the_old_index(tmp_path: Path) -> None:
    """Killed at every step on disk; `crashing.py` checks the state after each."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.workspace.retrieval.crashing", str(tmp_path / "crash")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert int(out) >= 20


async def test_a_cancelled_sync_keeps_what_is_done(make: Make, files: Path) -> None:
    for number in range(3):
        (files / f"{number}.txt").write_text(f"text {number}")
    third = asyncio.Event()
    seen: list[Path] = []

    async def extract(path: Path, report: Report) -> ExtractedText:
        seen.append(path)
        if len(seen) == 3:
            third.set()
            await asyncio.Event().wait()
        return await whole_text(path, report)

    task = asyncio.create_task(make(readers=1).sync(extract))
    await third.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    model = HashedWords()
    index = make(model)
    await index.sync(whole_text)
    assert len(index.documents) == 3
    assert len(model.embedded) == 1


async def test_processes_that_sync_at_once_agree(make: Make, files: Path, tmp_path: Path) -> None:
    for number in range(12):
        (files / f"{number}.txt").write_text(f"text {number}")
    code = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from tests.workspace.retrieval.hashing import HashedWords, whole_text\n"
        "from workspace.retrieval.index import FolderIndex\n"
        "from workspace.retrieval.settings import RetrievalSettings\n"
        "model = HashedWords()\n"
        "paths = map(Path, sys.argv[1:])\n"
        "index = FolderIndex(*paths, model, RetrievalSettings(), readers=2, max_file_bytes=1 << 20)\n"
        "asyncio.run(index.sync(whole_text))\n"
        "print(len(index.documents), len(model.embedded))\n"
    )
    command = (sys.executable, "-c", code, str(files), str(tmp_path / "index"), str(tmp_path))
    started = [await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(3)]
    index = make()
    await index.sync(whole_text)
    answers = [(await process.communicate())[0].split() for process in started]
    assert [int(documents) for documents, _ in answers] == [12, 12, 12]
    assert len(index.documents) == 12
    assert sum(int(embedded) for _, embedded in answers) <= 12
    assert len(list((tmp_path / "index").glob("*.seg"))) == 12


async def test_regression_a_link_in_a_document_s_place_is_not_followed(make: Make, files: Path, tmp_path: Path) -> None:
    """A session's program replaces a file, or a folder in its path, with a link to another user's."""
    theirs = tmp_path / "theirs"
    (theirs / "sub").mkdir(parents=True)
    (files / "sub").mkdir()
    for name in ("secret.txt", "sub/deep.txt"):
        (theirs / name).write_text("secret")
        (files / name).write_text("mine")
        os.utime(files / name, (1, 1))
    (files / "newest.txt").write_text("read first")

    async def extract(path: Path, report: Report) -> ExtractedText:
        if not (files / "sub").is_symlink():  # the others have been listed by now, but not opened yet
            (files / "secret.txt").unlink()
            (files / "secret.txt").symlink_to(theirs / "secret.txt")
            (files / "sub").rename(files / "moved")
            (files / "sub").symlink_to(theirs / "sub")
        return await whole_text(path, report)

    index = make(readers=1)
    await index.sync(extract)
    assert texts(index) == {"newest.txt": "read first"}
    await index.sync(extract)
    assert texts(index) == {"newest.txt": "read first", "moved/deep.txt": "mine"}


async def test_a_pipe_holds_nobody_up(make: Make, files: Path) -> None:
    os.mkfifo(files / "pipe.txt")
    index = make()
    async with asyncio.timeout(10):
        await index.sync(whole_text)
    assert texts(index) == {}


async def test_dropping_leaves_nothing(make: Make, files: Path, tmp_path: Path) -> None:
    (files / "a.txt").write_text("apples")
    index = make()
    await index.sync(whole_text)
    await index.drop()
    assert not (tmp_path / "index").exists()
    assert index.documents == {}
    (files / "a.txt").unlink()
    await index.sync(whole_text)
    assert not (tmp_path / "index").exists(), "a folder without documents needs no index"


async def test_vectors_of_another_shape_are_refused(make: Make, files: Path) -> None:
    (files / "a.txt").write_text("apples")

    class Lying(HashedWords):
        async def identity(self) -> ModelIdentity:
            return replace(await super().identity(), dimension=63)

    with pytest.raises(VectorsUnavailableError):
        await make(Lying()).sync(whole_text)

"""`python -m tests.workspace.retrieval.crashing FOLDER`: a sync is killed at each of its steps on disk in turn.

Prints the number of steps. A child is killed as it begins its n-th operation on the index's files; the index must then
be intact on disk, and the next sync must bring it up to date.
"""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.workspace.retrieval.hashing import HashedWords, whole_text
from workspace.retrieval.index import FolderIndex
from workspace.retrieval.settings import RetrievalSettings
from workspace.retrieval.store import IndexStore

PLACES = ("index", "scratch")
WATCHED = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def sync(folder: Path) -> FolderIndex:
    settings = RetrievalSettings()
    places = folder / "files", folder / "index", folder / "scratch"
    index = FolderIndex(*places, HashedWords(), settings, readers=2, max_file_bytes=1 << 20)
    asyncio.run(index.sync(whole_text))
    return index


def killed_at(step: int, folder: Path) -> bool:
    """Sync in a child that is killed at its `step`th operation; False if it completed before."""
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            if event in WATCHED and any(str(folder / part) in str(arg) for arg in args for part in PLACES):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        sync(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def lie(folder: Path, texts: dict[str, str]) -> None:
    """The folder contains exactly these documents."""
    for path in (folder / "files").iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / "files" / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def as_it_lies(folder: Path) -> dict[str, str]:
    """Name → text in the index on disk. Raises `DamagedError` if something that it lists is damaged."""
    store = IndexStore(folder / "index", folder / "scratch")
    settings = RetrievalSettings()
    cutting = (settings.passage_tokens, settings.overlap_tokens, settings.max_passages)
    manifest = store.read(asyncio.run(HashedWords().identity()), cutting)
    return {
        name: store.read_segment(manifest, record.digest).passages[0].text for name, record in manifest.records.items()
    }


def main(folder: Path) -> int:
    old = {"kept.txt": "kept", "changed.txt": "before", "deleted.txt": "gone soon"}
    new = {"kept.txt": "kept", "changed.txt": "after", "added.txt": "fresh"}
    (folder / "files").mkdir(parents=True)
    (folder / "scratch").mkdir()
    step = 0
    while True:
        lie(folder, old)
        shutil.rmtree(folder / "index", ignore_errors=True)
        sync(folder)
        lie(folder, new)
        killed = killed_at(step, folder)
        lies = as_it_lies(folder)
        assert lies["kept.txt"] == "kept", (step, lies)
        assert lies.items() <= (old | new).items() | {("changed.txt", "before")}, (step, lies)
        assert set(sync(folder).documents) == set(new), step
        assert as_it_lies(folder) == new, step
        leftovers = {p.name for p in (folder / "index").iterdir()} - {"manifest.json", ".lock"}
        assert len(leftovers) == len(new), (step, leftovers)
        if not killed:
            return step
        step += 1


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")

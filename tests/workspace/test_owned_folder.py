"""Temporary folders end with their process, and only with it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from workspace.owned_folder import LOCK, OwnedFolder, owned_folder, sweep, temporary_folder

OWNER = """
import sys
from pathlib import Path
from workspace.owned_folder import OwnedFolder
folder = OwnedFolder.create(Path(sys.argv[1]), "own.")
(folder.path / "key").write_text("secret")
print(folder.path.name, flush=True)
sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def owner(parent: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", OWNER, str(parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_folder_is_deleted_once_its_process_was_killed(tmp_path: Path) -> None:
    with owner(tmp_path) as living, owner(tmp_path) as killed:
        assert living.stdout is not None
        assert killed.stdout is not None
        kept, left = living.stdout.readline().strip(), killed.stdout.readline().strip()
        sweep(tmp_path)
        assert names(tmp_path) == sorted([kept, left])
        killed.kill()
        killed.wait()
        sweep(tmp_path)
        assert names(tmp_path) == [kept]
        assert (tmp_path / kept / "key").read_text() == "secret"
        living.kill()
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_only_what_has_the_prefix_is_deleted_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "parent" / "own.1").mkdir(parents=True)
    (tmp_path / "parent" / "own.file").write_text("x")
    (tmp_path / "parent" / "other").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "file").write_text("x")
    (tmp_path / "parent" / "own.link").symlink_to(tmp_path / "away")
    (tmp_path / "parent" / "own.2").mkdir()
    (tmp_path / "parent" / "own.2" / LOCK).symlink_to(tmp_path / "away" / "file")
    sweep(tmp_path / "parent", "own.")
    sweep(tmp_path / "missing")
    assert names(tmp_path / "parent") == ["other", "own.2"]  # a lock that we did not make is not ours to take
    assert (tmp_path / "away" / "file").read_text() == "x"


def test_what_belongs_to_another_user_is_not_touched(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        return
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    sweep(tmp_path)
    assert names(tmp_path) == ["theirs"]


async def test_folders_that_are_created_during_sweeps_stay(tmp_path: Path) -> None:
    async def create() -> None:
        for _ in range(50):
            folder = await asyncio.to_thread(OwnedFolder.create, tmp_path)
            (folder.path / "file").write_text("x")
            assert (folder.path / "file").read_text() == "x"
            folder.remove()
            folder.remove()

    async def clean() -> None:
        for _ in range(300):
            await asyncio.to_thread(sweep, tmp_path)

    await asyncio.gather(create(), create(), clean(), clean())
    sweep(tmp_path)
    assert names(tmp_path) == []


async def test_a_block_owns_its_folder(tmp_path: Path) -> None:
    async with temporary_folder(tmp_path) as first:
        with owned_folder(tmp_path) as second:
            sweep(tmp_path)
            assert sorted([first.name, second.name]) == names(tmp_path)
    assert names(tmp_path) == []

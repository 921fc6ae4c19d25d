"""Profiles on disk: found again by owner and content, until they are too old or damaged."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.tools.files.corpus import SALES
from tools.files import cache
from tools.files.cache import Entry, ProfileCache
from tools.files.profile import Profile

FOUND = Entry(Profile(kind="csv", title="CSV table", bytes=92, facts={"header": True, "names": ["a"], "size": 1.5}))
FAILED = Entry(None, "It is empty.")


@pytest.fixture
def kept(tmp_path: Path) -> ProfileCache:
    return ProfileCache(tmp_path / "cache", ttl_hours=1, scratch=tmp_path)


def entries(kept: ProfileCache, tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").iterdir())


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


async def test_what_is_put_is_got(kept: ProfileCache) -> None:
    await kept.put("a", FOUND)
    await kept.put("b", FAILED)
    assert await kept.get("a") == FOUND
    assert await kept.get("b") == FAILED
    assert await kept.get("c") is None


async def test_the_key_is_of_the_contents_and_the_owner(kept: ProfileCache, tmp_path: Path) -> None:
    one, same, other, text = (tmp_path / name for name in ("one.csv", "same.csv", "other.csv", "one.txt"))
    for path in (one, same, text):
        path.write_text(SALES)
    other.write_text(SALES + "x")
    key = await kept.key(one, "ann")
    assert await kept.key(same, "ann") == key
    assert len({key, await kept.key(one, "bob"), await kept.key(other, "ann"), await kept.key(text, "ann")}) == 4
    one.write_text(SALES.replace("3", "4"))
    assert await kept.key(one, "ann") != key


async def test_only_regular_files_have_a_key(kept: ProfileCache, tmp_path: Path) -> None:
    """A pipe in place of a file blocked the thread that was to read it."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    for name in ("pipe.csv", "link.csv", "gone.csv"):
        with pytest.raises(OSError, match=name):
            await kept.key(tmp_path / name, "ann")


async def test_entries_grow_old_failures_sooner(kept: ProfileCache, tmp_path: Path) -> None:
    await kept.put("a", FOUND)
    await kept.put("b", FAILED)
    for path in entries(kept, tmp_path):
        age(path, cache.FAILURE_SECONDS + 1)
    assert await kept.get("a") == FOUND
    assert await kept.get("b") is None
    age(tmp_path / "cache" / "a.json", 3601)
    assert await kept.get("a") is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"null", b'{"profile": 7}', b"\xff\xfe", b'{"profile": {"kind": "csv"}}']
)
async def test_a_damaged_entry_is_none(kept: ProfileCache, tmp_path: Path, damage: bytes) -> None:
    await kept.put("a", FOUND)
    (tmp_path / "cache" / "a.json").write_bytes(damage)
    assert await kept.get("a") is None


async def test_the_old_are_swept(tmp_path: Path) -> None:
    first = ProfileCache(tmp_path / "cache", ttl_hours=1, scratch=tmp_path)
    await first.put("old", FOUND)
    (tmp_path / "cache" / ".half-written").write_text("")
    for path in entries(first, tmp_path):
        age(path, 3700)
    await ProfileCache(tmp_path / "cache", ttl_hours=1, scratch=tmp_path).put("new", FOUND)
    assert [path.name for path in entries(first, tmp_path)] == ["new.json"]


async def test_an_entry_names_no_file_and_others_cannot_read_it(kept: ProfileCache, tmp_path: Path) -> None:
    await kept.put("a", FOUND)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    assert "filename" not in json.loads((tmp_path / "cache" / "a.json").read_text())


async def test_a_disk_that_refuses_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    kept = ProfileCache(tmp_path / "cache", ttl_hours=1, scratch=tmp_path)
    await kept.put("a", FOUND)
    assert await kept.get("a") is None

"""Searching indexes while their model changes."""

from pathlib import Path

from tests.workspace.retrieval.hashing import HashedWords, whole_text
from workspace.retrieval.indexes import Indexes, Places
from workspace.retrieval.settings import RetrievalSettings

ANN = ("ann", None)


async def test_vectors_of_two_models_are_never_mixed(tmp_path: Path) -> None:
    files = tmp_path / "ann" / "files"
    files.mkdir(parents=True)
    (files / "fruit.txt").write_text("apples and pears")
    model = HashedWords()
    places = Places(user=lambda user: tmp_path / user, session=lambda name: tmp_path / name, scratch=tmp_path)
    indexes = Indexes(places, model, RetrievalSettings(), readers=2, max_file_bytes=1 << 20)
    await indexes.index(ANN).sync(whole_text)
    assert [hit.file for hit in await indexes.search([ANN], "apples", 3)] == ["fruit.txt"]
    model.dimension = 32
    assert await indexes.search([ANN], "apples", 3) == []
    await indexes.index(ANN).sync(whole_text)
    assert [hit.file for hit in await indexes.search([ANN], "apples", 3)] == ["fruit.txt"]

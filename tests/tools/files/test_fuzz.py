"""Mutated files of every format give a limited, plain profile or `FileUnreadable`. For more, see mutation.py."""

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.tools.files.corpus import CORPUS
from tests.tools.files.mutation import KINDS, Change, mutated
from tools.files.profile import FileUnreadable
from tools.files.registry import profile, sections
from tools.files.render import SHORT, as_data, long, short

CHANGES = st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6)
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ORIGINALS: dict[str, bytes] = {}


def original(name: str) -> bytes:
    if name not in ORIGINALS:
        ORIGINALS[name] = CORPUS[name]()
    return ORIGINALS[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CORPUS)
@FEW
@given(changes=CHANGES)
def test_mutated_files_are_read_or_refused(tmp_path: Path, name: str, changes: list[Change]) -> None:
    path = tmp_path / name
    path.write_bytes(mutated(original(name), changes))
    check(path, name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.html", "a.md", "a.py", "a", "a.tsv"])
@FEW
@given(text=st.text(max_size=300), encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "cp949", "latin-1"]))
def test_any_text_is_read_or_refused(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding, errors="ignore"))
    check(path, name)


def check(path: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries warn about problems in a file, which is not visible in a worker
        try:
            found = profile(path)
        except FileUnreadable as error:
            assert str(error).endswith(".")
            return
        assert len(short(found, name)) <= SHORT
        assert len(long(found, name)) < 10_000
        json.dumps(as_data(found, name), allow_nan=False).encode()
        try:
            parts = sections(path)
        except FileUnreadable:
            return
        assert all(part.text.strip() and part.position >= 0 for part in parts)

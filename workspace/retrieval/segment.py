"""One document in the index: its passages and their vectors, in one file with a checksum."""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from workspace.retrieval.types import ModelIdentity, Passage

MAGIC = b"passages1\n"
_HASH = 32
_LENGTH = 4

Codes = NDArray[np.float16]
"""Vectors as in FAISS's 16-bit index, shape `(passages, dimension)`."""


class DamagedError(Exception):
    """A file of the index is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A document's passages, and the vector of each."""

    passages: tuple[Passage, ...]
    vectors: Codes
    cut: bool = False
    """The document continues after the last stored passage."""
    note: str = ""
    """What else is missing, as a sentence for the user."""


def pack(segment: Segment, model: ModelIdentity) -> bytes:
    """The segment and the model that made it, preceded by a checksum of both."""
    passages = [list(asdict(passage).values()) for passage in segment.passages]
    about = {"model": model.as_json(), "cut": segment.cut, "note": segment.note, "passages": passages}
    head = zlib.compress(json.dumps(about, ensure_ascii=False).encode())
    body = len(head).to_bytes(_LENGTH, "big") + head + segment.vectors.tobytes()
    return MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes, model: ModelIdentity) -> Segment:
    """Raises `DamagedError` unless every byte is intact and the model is the same."""
    start = len(MAGIC) + _HASH
    body = data[start:]
    if data[: len(MAGIC)] != MAGIC or data[len(MAGIC) : start] != hashlib.sha256(body).digest():
        raise DamagedError("the checksum differs")
    size = int.from_bytes(body[:_LENGTH], "big")
    head = json.loads(zlib.decompress(body[_LENGTH : _LENGTH + size]))
    if head["model"] != model.as_json():
        raise DamagedError("another model made the vectors")
    passages = tuple(Passage(*fields) for fields in head["passages"])
    vectors = np.frombuffer(body, np.float16, offset=_LENGTH + size).reshape(len(passages), model.dimension)
    return Segment(passages, vectors, head["cut"], head["note"])

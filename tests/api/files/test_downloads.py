import io
import zipfile
from pathlib import Path

from api.files.archives import CHUNK, zipped
from workspace.folder import FileInfo


def test_an_archive_holds_what_is_there_by_its_turn(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "sub" / "größe.bin").write_bytes(bytes(range(256)) * (3 * CHUNK // 256) + b"end")
    (tmp_path / "link").symlink_to("/etc/passwd")
    names = ["a.txt", "gone.txt", "link", "sub/größe.bin", "late.txt"]
    pieces = zipped(tmp_path, [FileInfo(name, 1 << 30, "") for name in names])
    first = next(pieces)
    (tmp_path / "late.txt").write_bytes(b"late")
    rest = list(pieces)
    assert max(map(len, rest)) < 2 * CHUNK, "it is streamed"
    with zipfile.ZipFile(io.BytesIO(b"".join([first, *rest]))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "sub/größe.bin", "late.txt"]
        assert archive.read("sub/größe.bin") == (tmp_path / "sub" / "größe.bin").read_bytes()

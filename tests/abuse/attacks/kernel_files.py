"""Programs that hoard or spoil files."""

# mypy: disable-error-code="no-untyped-call"
import asyncio

from tests.abuse.enemy import Enemy, source


def deleted_files() -> None:
    """Files that are deleted while they are open, beyond the limit of the folder."""
    import os
    import time

    held = []
    for number in range(20):
        file = open(f"f{number}", "wb")
        os.unlink(f"f{number}")
        held.append(file)
        try:
            for _ in range(450):
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            break
    time.sleep(5)


def files_without_a_name() -> None:
    """O_TMPFILE, beyond the limit of the folder."""
    import os
    import time

    try:
        for _ in range(20):
            file = os.open(".", os.O_TMPFILE | os.O_RDWR)
            for _ in range(450):
                os.write(file, bytes(1 << 20))
    except OSError:
        pass
    time.sleep(5)


def hundred_thousand_files() -> None:
    """A hundred thousand files."""
    for number in range(100_000):
        with open(f"f{number}", "w") as file:
            file.write("x")


def deep_folders() -> None:
    """Ten thousand folders inside each other."""
    import os

    for _ in range(10_000):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)


def wide_folders() -> None:
    """Thousands of folders with long names, and nothing in them."""
    import os

    for number in range(20_000):
        os.mkdir(f"{number}-" + "d" * 200)


def sparse_terabyte() -> None:
    """Sparse files that claim to be huge."""
    import os

    for number in range(100):
        try:
            with open(f"s{number}", "wb") as file:
                os.truncate(file.fileno(), 1 << 40)
        except OSError:
            with open(f"s{number}", "wb") as file:
                os.truncate(file.fileno(), 500 << 20)


def artifacts_of_512_mb() -> None:
    """New files of 512 MB, as artifacts."""
    with open("big.bin", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


def fifos_and_links() -> None:
    """FIFOs, hard links and symbolic links by the thousand."""
    import os

    for number in range(5000):
        for act in (
            lambda n=number: os.mkfifo(f"fifo{n}"),
            lambda n=number: os.symlink("/dev/zero", f"zero{n}"),
            lambda n=number: os.symlink(".", f"self{n}"),
            lambda n=number: os.link("plain", f"hard{n}"),
        ):
            try:
                open("plain", "a").close()
                act()
            except OSError:
                pass


def closed_folders() -> None:
    """Folders and files without any permission."""
    import os

    for number in range(500):
        os.makedirs(f"c{number}/inside", exist_ok=True)
        open(f"c{number}/inside/file", "w").close()
        os.chmod(f"c{number}/inside", 0)
        os.chmod(f"c{number}", 0)
    os.chmod(".", 0)


def moved_folder() -> None:
    """Renames, deletes and replaces the working folder."""
    import os
    import shutil

    for act in (
        lambda: os.rename("/mnt/data", "/mnt/away"),
        lambda: shutil.rmtree("/mnt/data"),
        lambda: os.rmdir("/mnt/data"),
        lambda: os.symlink("/", "/mnt/data"),
    ):
        try:
            act()
        except OSError:
            pass


def hostile_names() -> None:
    """Names with line ends, invalid UTF-8, control characters and markup."""
    names = [b"line\nend", b"\xff\xfe\x80", b"\x1b[2J", b"<script>alert(1)</script>", b"a" * 255, b"..%2f..%2f", b"-rf"]
    for name in names:
        for number in range(100):
            try:
                open(name[:250] + str(number).encode(), "w").close()
            except OSError:
                pass


def files_that_change() -> None:
    """A thread replaces files by folders and back while they are listed."""
    import os
    import threading

    def change() -> None:
        while True:
            for number in range(50):
                try:
                    os.mkdir(f"x{number}")
                    os.rmdir(f"x{number}")
                    open(f"x{number}", "w").close()
                    os.unlink(f"x{number}")
                except OSError:
                    pass

    threading.Thread(target=change, daemon=True).start()


def sync_storm() -> None:
    """Writes and flushes to the disk as often as possible."""
    import os

    file = os.open("sync", os.O_CREAT | os.O_RDWR)
    while True:
        os.pwrite(file, os.urandom(4096), 0)
        os.fsync(file)


def rewritten_file() -> None:
    """Writes a file of 400 MB over and over."""
    while True:
        with open("again", "wb") as file:
            for _ in range(400):
                file.write(bytes(1 << 20))


async def disk_of_a_user(enemy: Enemy) -> None:
    """Fills the folders of many sessions, up to the limit of the user."""
    code = "with open('fill', 'wb') as f:\n    for _ in range(400): f.write(bytes(1 << 20))\nprint(1)"
    await enemy.cells(code, sessions=100)


async def artifacts_downloaded_slowly(enemy: Enemy) -> None:
    """Large artifacts, downloaded on fifty connections that read nothing."""
    session = await enemy.cell("open('big', 'wb').write(bytes(200 << 20))")

    async def read_nothing() -> None:
        async with enemy.connection() as (_, writer):
            writer.write(enemy.head(f"/api/conversations/{session}/artifacts/big", 0, method="GET"))
            await writer.drain()
            await asyncio.sleep(60)

    await enemy.many(50, read_nothing)


async def archive_of_sparse_files(enemy: Enemy) -> None:
    """Forty sparse files of 500 MB, all of them downloaded as one archive, again and again."""
    code = "import os\nfor n in range(40):\n    with open(f's{n}', 'wb') as f: os.truncate(f.fileno(), 500 << 20)"
    session = await enemy.cell(code)

    async def download() -> None:
        async with enemy.http.stream("GET", f"/api/conversations/{session}/artifacts.zip") as answer:
            enemy.answers[str(answer.status_code)] += 1
            async for _ in answer.aiter_raw():
                pass

    await enemy.many(8, download, 8)


async def ranges_of_an_artifact(enemy: Enemy) -> None:
    """Downloads with thousands of ranges."""
    session = await enemy.cell("open('big', 'wb').write(bytes(50 << 20))")
    ranges = "bytes=" + ",".join(f"{n}-" for n in range(5000))
    await enemy.many(
        60, lambda: enemy.get(f"/api/conversations/{session}/artifacts/big", headers={"Range": ranges}), 20
    )


async def files_of_sixteen_sessions(enemy: Enemy) -> None:
    """Sixteen sessions create ten thousand files each, between whose cells the files are listed."""
    await enemy.cells(source(hundred_thousand_files), sessions=16)

"""What a session hoards counts, however it hides it; ordinary programs do not notice."""

import errno
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import all_end
from workspace.jail.handle import JailedKernel

from .attempts import PRELUDE
from .conftest import SMALL, Launch
from .driver import run
from .hoards import HOARDS
from .lend import elsewhere


@pytest.mark.parametrize("name", HOARDS)
async def test_a_hoard_is_the_end_of_its_kernel(name: str, launch: Launch) -> None:
    reason, code = HOARDS[name]
    kernel = await launch("hoarder")
    family = [psutil.Process(kernel.pid)]
    cell = await run(kernel, code, seconds=50)
    assert cell.died, cell.error
    assert kernel.why_it_died.startswith(reason)
    await all_end(family)
    assert _named(kernel.folder) < 60 << 20


def _named(folder: Path) -> int:
    """Bytes that the hoard leaves on disk: the size of what still has a name."""
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.fixture(scope="module")
async def unprivileged() -> dict[str, Any]:
    """What the hoards came to without root and namespaces."""
    # Not the user of other tests, because processes are counted per user.
    return await elsewhere("--user", "65531", "--no-user-namespaces", "--hoards")


async def test_hoards_count_without_root_and_namespaces_too(unprivileged: dict[str, Any]) -> None:
    reasons = unprivileged["reasons"]
    assert {name: reasons[name] for name, (start, _) in HOARDS.items() if not reasons[name].startswith(start)} == {}


async def test_regression_orphans_of_ended_kernels_stayed_as_zombies_that_counted(unprivileged: dict[str, Any]) -> None:
    assert unprivileged["zombies"] == 0


REFUSED = {
    "descriptors in messages": (errno.EPERM, "a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [0])"),
    "messages at all": (errno.EPERM, "a, b = socket.socketpair(); a.sendmsg([b'x'])"),
    "many messages at once": (errno.EPERM, "call('sendmmsg', 0, 0, 0, 0)"),
    "larger pipes": (errno.EPERM, "fcntl.fcntl(os.pipe()[0], fcntl.F_SETPIPE_SZ, 1 << 20)"),
    "leases of files": (errno.EPERM, "fcntl.fcntl(open('own', 'w'), fcntl.F_SETLEASE, fcntl.F_WRLCK)"),
    "notifications of a folder's use": (
        errno.EPERM,
        "fcntl.fcntl(os.open('/usr/lib', os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS)",
    ),
    "pages of a file in a pipe": (errno.ENOSYS, "os.splice(os.open('/etc/hosts', os.O_RDONLY), os.pipe()[1], 1)"),
    "pages of a pipe in another": (errno.ENOSYS, "call('tee', 0, 0, 1, 0)"),
    "pages of a process in a pipe": (errno.ENOSYS, "call('vmsplice', 1, 0, 0, 0)"),
    "pages of a file in a socket": (
        errno.ENOSYS,
        "os.sendfile(socket.socketpair()[0].fileno(), os.open('/etc/hosts', os.O_RDONLY), 0, 1)",
    ),
    "watches of files": (errno.ENOSYS, "call('inotify_init1', 0)"),
    "another watch of files": (errno.ENOSYS, "call('inotify_add_watch', 0, b'/usr/lib', 1)"),
    "watches of file systems": (errno.EPERM, "call('fanotify_init', 0, 0)"),
    "marks of such watches": (errno.EPERM, "call('fanotify_mark', 0, 1, 1, -100, b'/usr/lib')"),
    "rules of one's own for files": (errno.ENOSYS, "call('landlock_create_ruleset', 0, 0, 1)"),
    "a whiteout": (errno.EPERM, "call('mknodat', -100, b'hole', 0o020000, 0)"),
    "a whiteout by renaming": (
        errno.EPERM,
        "open('old', 'w').close(); call('renameat2', -100, b'old', -100, b'new', 4)",
    ),
    "a thread with its own descriptors": (errno.EPERM, "call('clone', 0x10000 | 0x800 | 0x100, 0, 0, 0, 0)"),
    "a child of the kernel's parent": (errno.EPERM, "call('clone', 0x8000 | 17, 0, 0, 0, 0)"),
    "descriptors of its own for a thread": (errno.EPERM, "call('close_range', 1000, 1001, 2)"),
    "a process that nobody can look into": (errno.EPERM, "call('prctl', 4, 0, 0, 0, 0)"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_could_not_be_counted_is_refused(name: str, kernel: JailedKernel) -> None:
    number, code = REFUSED[name]
    cell = await run(kernel, f"{PRELUDE}\nimport fcntl\n{code}")
    assert f"[Errno {number}]" in cell.error


async def test_buffers_of_sockets_keep_their_size(kernel: JailedKernel) -> None:
    code = """
import socket
a, b = socket.socketpair()
before = a.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
for option in (socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33): a.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
sizes = [a.getsockopt(socket.SOL_SOCKET, option) for option in (socket.SO_SNDBUF, socket.SO_RCVBUF)]
sizes == [before, before], a.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)
"""
    assert (await run(kernel, code)).value == "(True, 1)"


ORDINARY = {
    "pools, queues and pipes": """
import multiprocessing
context = multiprocessing.get_context('fork')
queue, (ours, theirs) = context.Queue(), context.Pipe()
def work(): queue.put('queue'); theirs.send('pipe')
process = context.Process(target=work); process.start()
done = [queue.get(), ours.recv()]; process.join()
with context.Pool(2) as pool: done += pool.map(abs, [-1])
done == ['queue', 'pipe', 1]
""",
    "executors": """
import concurrent.futures, multiprocessing
context = multiprocessing.get_context('fork')
with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool: done = [*pool.map(abs, [-1, -2])]
with concurrent.futures.ThreadPoolExecutor(2) as pool: done += pool.map(abs, [-3])
done == [1, 2, 3]
""",
    "programs": """
import asyncio, subprocess
first = subprocess.run('echo a | cat - | tr a b', shell=True, capture_output=True, text=True).stdout
process = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
second, _ = await process.communicate(b'c')
(first, second) == ('b\\n', b'c')
""",
    "streams between tasks": """
import asyncio, socket
a, b = socket.socketpair()
reader, writer = await asyncio.open_connection(sock=a)
_, other = await asyncio.open_connection(sock=b)
other.writelines([b'one ', b'two\\n']); await other.drain()
line = await reader.readline(); writer.close(); other.close()
line == b'one two\\n'
""",
    "temporary files": """
import os, tempfile
with tempfile.TemporaryFile(dir='.') as here, tempfile.TemporaryFile() as there, tempfile.SpooledTemporaryFile(10) as s:
    for file in (here, there, s): file.write(bytes(100)); file.flush()
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as named: found = os.path.exists(named.name)
found
""",
    "copies of files": """
import pathlib, shutil, socket
pathlib.Path('original').write_bytes(bytes(300_000))
shutil.copyfile('original', 'copy'); shutil.copytree('.', '/tmp/tree'); shutil.move('copy', '/tmp/copy')
a, b = socket.socketpair()
with open('original', 'rb') as file: sent = a.sendfile(file, count=1000)
(pathlib.Path('/tmp/copy').stat().st_size, sent) == (300_000, 1000)
""",
    "databases": """
import sqlite3
database = sqlite3.connect('data.db'); database.execute('pragma journal_mode = wal')
with database: database.execute('create table t (x)'); database.executemany('insert into t values (?)', [(1,), (2,)])
database.execute('select sum(x) from t').fetchone() == (3,)
""",
    "tables in files": """
import pandas as pd
frame = pd.DataFrame({'a': range(1000)})
frame.to_csv('t.csv'); frame.to_pickle('t.pkl'); frame.to_json('t.json')
try: frame.to_parquet('t.parquet'); pd.read_parquet('t.parquet')
except ImportError: pass
len(pd.read_pickle('t.pkl')) == 1000
""",
    "mapped arrays": """
import numpy as np, os
array = np.memmap('array', dtype='f8', mode='w+', shape=(1000, 1000)); array[:] = 1; array.flush()
os.unlink('array'); float(array.sum()) == 1e6
""",
    "shared arrays": """
import multiprocessing, numpy as np
from multiprocessing import shared_memory
context = multiprocessing.get_context('fork')
array = np.frombuffer(context.RawArray('d', 100_000)); block = shared_memory.SharedMemory(create=True, size=1 << 20)
def work(): array[:] = 2; block.buf[0] = 7
process = context.Process(target=work); process.start(); process.join()
found = (float(array.sum()), block.buf[0]); block.close(); block.unlink()
found == (200_000.0, 7)
""",
    "threads and pipes": """
import os, threading
read, write = os.pipe()
threads = [threading.Thread(target=os.write, args=(write, b'x' * 100)) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
len(os.read(read, 5000)) == 2000
""",
}


@pytest.mark.parametrize("name", ORDINARY)
async def test_ordinary_programs_do_not_notice(name: str, kernel: JailedKernel) -> None:
    cell = await run(kernel, ORDINARY[name])
    assert (cell.error, cell.died) == ("", False)
    assert cell.value == "True"


HOARDING = """
import os, time
class Heavy:
    def __reduce__(self):
        return exec, (BOMB,)
BOMB = '''
import os, time
for _ in range(6):
    if os.fork() == 0:
        kept = bytearray(b"x" * (120 << 20))
        time.sleep(60)
        os._exit(0)
time.sleep(60)
'''
heavy = Heavy()
"""


async def test_regression_restoring_variables_was_not_watched(launch: Launch) -> None:
    """It runs the session's own code."""
    kernel = await launch("restoring")
    await run(kernel, HOARDING)
    assert (await kernel.snapshot()).lost == {}
    await kernel.aclose()
    began = time.monotonic()
    again = await launch("restoring")
    assert again.damage
    assert time.monotonic() - began < SMALL.snapshot_seconds / 2


async def test_regression_many_short_cells_were_taken_for_idle_work(launch: Launch) -> None:
    """Between two looks at it, a kernel had run some and was idle again."""
    kernel = await launch("busy")
    began = time.monotonic()
    spent = 0.0
    while spent < 2 * SMALL.idle_cpu_seconds and time.monotonic() - began < 60:
        kernel.rests = False
        cell = await run(kernel, "import time\nfor _ in range(3_000_000): pass\nprint(time.process_time())")
        kernel.rests = True
        assert not cell.died, kernel.why_it_died
        spent = float(cell.text)
    assert spent >= 2 * SMALL.idle_cpu_seconds

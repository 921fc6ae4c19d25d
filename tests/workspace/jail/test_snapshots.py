"""What a session keeps when its process has ended, and tampered snapshots."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.serving import until
from workspace.jail.handle import JailedKernel, SnapshotFailed
from workspace.jail.kernels import JailedKernels
from workspace.jail.settings import JailSettings
from workspace.jail.variables import Report
from workspace.jail.vault import SnapshotDamaged, Vault

from .conftest import SMALL, Launch
from .driver import run

Reborn = Callable[[str], Awaitable[JailedKernel]]


@pytest.fixture
async def reborn(launch: Launch) -> AsyncIterator[Reborn]:
    """Runs code, saves, kills the kernel, and returns its successor."""

    async def die_and_return(code: str) -> JailedKernel:
        kernel = await launch("s")
        assert (await run(kernel, code)).error == ""
        await kernel.snapshot()
        kernel.kill()
        await kernel.wait_for_exit()
        return await launch("s")

    yield die_and_return


CAME_BACK = {
    "plain values": (
        "a = 1; b = 'text'; c = [1, {2: (3, None)}]",
        "(a, b, c) == (1, 'text', [1, {2: (3, None)}])",
    ),
    "an array": ("import numpy as np; x = np.arange(100_000.0)", "x.sum() == 4999950000.0"),
    "an array that can be changed": (
        "import numpy as np; x = np.zeros(50_000)",
        "x.__setitem__(0, 5) or x[0] == 5",
    ),
    "a view stays a view": ("import numpy as np; x = np.zeros(9); y = {'v': x}", "y['v'] is x"),
    "a frame": (
        "import pandas as pd\n"
        "df = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2020', '2021'])})",
        "df.a.sum() == 3 and df.c.dt.year.tolist() == [2020, 2021]",
    ),
    "a large frame": (
        "import pandas as pd, numpy as np; df = pd.DataFrame(np.ones((100_000, 10)))",
        "df.shape == (100_000, 10) and df.to_numpy().sum() == 1e6",
    ),
    "a groupby of a frame that is a variable": (
        "import pandas as pd; df = pd.DataFrame({'a': [1, 1, 2]}); g = df.groupby('a')",
        "g.obj is df and len(g) == 2",
    ),
    "a module": ("import math as m", "m.pi > 3"),
    "a figure": (
        "import matplotlib.pyplot as plt; fig, ax = plt.subplots(); ax.plot([1, 2, 3])",
        "len(fig.axes[0].lines) == 1 and fig.axes[0] is ax",
    ),
    "a function": ("def f(x, *, k=2): return x * k", "f(3) == 6 and f(3, k=3) == 9"),
    "a function sees later values of what it reads": (
        "n = 1\ndef f(): return n",
        "globals().update(n=5) or f() == 5",
    ),
    "functions that call each other": (
        "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)",
        "even(10) and odd(7)",
    ),
    "a recursive closure": (
        "def make():\n    def fact(n): return 1 if n < 2 else n * fact(n - 1)\n    return fact\nf = make()",
        "f(5) == 120",
    ),
    "a closure with its own state": (
        "def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n"
        "    return step\nc = counter(); c()",
        "c() == 2",
    ),
    "a lambda": ("double = lambda x: x * 2", "double(4) == 8"),
    "a decorated function": (
        "import functools\n@functools.lru_cache(7)\ndef f(x): return x + 1\ng = functools.partial(pow, 2)",
        "f(1) == 2 and f.cache_info().maxsize == 7 and g(3) == 8",
    ),
    "a class and its instances": (
        "class P:\n    def __init__(self, v): self.v = v\n    def twice(self): return self.v * 2\np = P(4)",
        "p.twice() == 8 and type(p) is P and isinstance(P(1), P)",
    ),
    "classes that inherit and call super": (
        "class A:\n    def who(self): return 'A'\nclass B(A):\n    def who(self): return super().who() + 'B'\nb = B()",
        "b.who() == 'AB' and type(b).__mro__[1] is A",
    ),
    "a dataclass and an enum": (
        "import dataclasses, enum\n@dataclasses.dataclass\nclass D:\n    x: int = 3\n"
        "class Color(enum.Enum):\n    RED = 1\nd = D(); r = Color.RED",
        "d == D(3) and r is Color.RED",
    ),
    "shared objects stay shared": ("a = [1]; b = [a, a]; c = a", "b[0] is a and b[1] is a and c is a"),
    "an object that contains itself": ("a = []; a.append(a)", "a[0] is a"),
    "variables that contain each other": (
        "a = {}; b = {'a': a}; a['b'] = b; c = [b]",
        "a['b'] is b and c[0]['a'] is a",
    ),
    "the namespace itself is not carried along": (
        "g = globals; ns = {'f': lambda: x}; x = 3",
        "ns['f']() == 3",
    ),
    "bound methods of a variable": ("a = [3]; add = a.append", "add(4) or a == [3, 4]"),
}


@pytest.mark.parametrize("name", CAME_BACK)
async def test_comes_back(name: str, reborn: Reborn) -> None:
    code, check = CAME_BACK[name]
    kernel = await reborn(code)
    assert kernel.restored is not None
    assert kernel.restored.lost == {}
    cell = await run(kernel, f"bool({check})")
    assert (cell.value, cell.error) == ("True", "")


async def test_a_fitted_model_comes_back(reborn: Reborn) -> None:
    code = """
import numpy as np
from scipy import interpolate
x = np.linspace(0, 1, 50)
model = interpolate.CubicSpline(x, x ** 2)
"""
    kernel = await reborn(code)
    assert (await run(kernel, "abs(float(model(0.5)) - 0.25) < 1e-9")).value == "True"


LOST = {
    "a generator": ("v = (i for i in range(3))", "generator"),
    "an open file": ("v = open('f.txt', 'w')", "pickle"),
    "a lock": ("import threading; v = threading.Lock()", "pickle"),
    "a database": ("import sqlite3; v = sqlite3.connect(':memory:')", "pickle"),
    "a large array": ("import numpy as np; v = np.ones(4_000_000)", "larger than 20 MB"),
    "what refers to such": ("w = (i for i in [1]); v = [w]", "refers to w, which cannot be kept"),
    "another name for such": ("u = v = (i for i in [1])", "the same object as u, which cannot be kept"),
    "what raises when it is pickled": (
        "class C:\n    def __reduce__(self): raise RuntimeError('no thanks')\nv = C()",
        "RuntimeError: no thanks",
    ),
}


@pytest.mark.parametrize("name", LOST)
async def test_is_reported_and_the_rest_comes_back(name: str, reborn: Reborn) -> None:
    code, reason = LOST[name]
    kernel = await reborn(f"{code}\nx = 1")
    assert kernel.restored is not None
    assert reason in kernel.restored.lost["v"]
    assert (await run(kernel, "x, 'v' in globals()")).value == "(1, False)"


async def test_all_together_are_capped(reborn: Reborn) -> None:
    kernel = await reborn("import numpy as np; a, b, c, d = (np.full(2_000_000, n) for n in range(4))")
    assert kernel.restored is not None
    assert kernel.restored.lost == {"d": "all variables together exceed 50 MB"}


async def test_variables_are_listed_with_type_shape_and_fate(kernel: JailedKernel) -> None:
    code = "import numpy as num; a = num.zeros((3, 4)); s = 'abc'; g = (i for i in s); _private = 1"
    await run(kernel, code)
    assert [(v.name, v.kept) for v in (await kernel.variables()).variables][:2] == [
        ("num", False),
        ("a", False),
    ]
    await kernel.snapshot()
    listed = {v.name: (v.type, v.shape, v.kept) for v in (await kernel.variables()).variables}
    assert listed == {
        "num": ("module", "", True),
        "a": ("ndarray", "(3, 4)", True),
        "s": ("str", "3", True),
        "g": ("generator", "", False),
        "_private": ("int", "", True),
    }


async def test_variables_of_a_stopped_session_are_known(kernel: JailedKernel, kernels: JailedKernels) -> None:
    await run(kernel, "x = [1, 2]")
    await kernel.snapshot()
    await kernel.aclose()
    report = await kernels.variables_of(kernel.session)
    assert isinstance(report, Report)
    assert [v.name for v in report.variables] == ["x"]


async def test_only_what_changed_is_written(kernel: JailedKernel, kernels: JailedKernels) -> None:
    await run(kernel, "import numpy as np; big = np.ones(1_000_000); n = 1")
    await kernel.snapshot()
    blobs = kernels.snapshots / kernel.session / "blobs"
    before = {path.name: path.stat().st_mtime_ns for path in blobs.iterdir()}
    await run(kernel, "n = 2")
    await kernel.snapshot()
    after = {path.name: path.stat().st_mtime_ns for path in blobs.iterdir()}
    assert len(before) == len(after)
    assert len(set(before.items()) - set(after.items())) == 1


SLOW = """
import os, time
class Slow:
    def __reduce__(self):
        open('saving', 'w').close()
        while not os.path.exists('go'):
            time.sleep(0.01)
        return (Slow, ())
"""


async def test_the_kernel_goes_on_while_it_is_saved(kernel: JailedKernel) -> None:
    await run(kernel, SLOW + "s = Slow()")
    saving = asyncio.create_task(kernel.snapshot())
    await until((kernel.folder / "saving").exists)
    assert (await run(kernel, "1 + 1")).value == "2"
    assert not saving.done()
    (kernel.folder / "go").touch()
    assert (await saving).lost == {}


async def test_a_save_that_never_ends_is_given_up(kernels: JailedKernels, caplog: pytest.LogCaptureFixture) -> None:
    settings = SMALL.model_copy(update={"snapshot_seconds": 0.5})
    kernel = await _kernel_with(settings, kernels)
    try:
        await run(kernel, "class Stuck:\n    def __reduce__(self):\n        while True: pass\ns = Stuck()")
        with pytest.raises(SnapshotFailed):
            await kernel.snapshot()
        assert (await run(kernel, "1 + 1")).value == "2"
        gc.collect()
        assert "never retrieved" not in caplog.text
    finally:
        await kernel.aclose()


async def _kernel_with(settings: JailSettings, kernels: JailedKernels) -> JailedKernel:
    kernel = await kernels.launch("stuck", kernels.sessions / "stuck")
    kernel.settings = settings
    return kernel


RESISTING = {
    "never ends": "while True: pass",
    "ends the kernel": "import os; os._exit(1)",
    "eats memory": "x = []\nwhile True: x.append(bytearray(10**7))",
}


@pytest.mark.parametrize("name", RESISTING)
async def test_variables_whose_restoring_fails_do_not_keep_the_session_from_starting(name: str, tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"python_code_preload_libraries": (), "snapshot_seconds": 1.5})
    kernels = JailedKernels(settings, sessions=tmp_path / "sessions", snapshots=tmp_path / "snapshots", key=b"k")
    await kernels.start()
    folder = kernels.sessions / "s"
    kernel = await kernels.launch("s", folder)
    code = f"class C:\n    def __reduce__(self): return (exec, ({RESISTING[name]!r},))\nc = C(); x = 1"
    await run(kernel, code)
    await kernel.snapshot()
    await kernel.aclose()
    kernel = await kernels.launch("s", folder)
    assert kernel.damage or (kernel.restored and "c" in kernel.restored.lost)
    assert (await run(kernel, "1 + 1")).value == "2"
    await kernels.aclose()


async def test_a_changed_envelope_is_refused(kernel: JailedKernel, kernels: JailedKernels, launch: Launch) -> None:
    await run(kernel, "x = 1")
    await kernel.snapshot()
    await kernel.aclose()
    envelope = kernels.snapshots / kernel.session / "envelope"
    signature, _, body = envelope.read_bytes().partition(b"\n")
    raw = json.loads(body)
    raw["manifest"] = "e30="
    envelope.write_bytes(signature + b"\n" + json.dumps(raw).encode())
    again = await kernels.launch(kernel.session, kernel.folder)
    assert again.restored is None
    assert "signature" in again.damage
    assert (await run(again, "'x' in globals()")).value == "False"
    await again.aclose()


async def test_a_snapshot_of_another_session_is_refused(kernels: JailedKernels, launch: Launch) -> None:
    one, two = await launch("one"), await launch("two")
    await run(one, "secret = 1")
    await one.snapshot()
    (kernels.snapshots / one.session).rename(kernels.snapshots / two.session)
    with pytest.raises(SnapshotDamaged):
        await two.restore()


async def test_a_changed_blob_is_noticed_and_not_unpickled(kernel: JailedKernel, kernels: JailedKernels) -> None:
    await run(kernel, "x = [1, 2, 3]; y = 5")
    await kernel.snapshot()
    await kernel.aclose()
    payload = b"cos\nsystem\n(S'touch pwned'\ntR."
    for blob in (kernels.snapshots / kernel.session / "blobs").iterdir():
        blob.write_bytes(payload)
    again = await kernels.launch(kernel.session, kernel.folder)
    assert again.restored is not None
    assert set(again.restored.lost) == {"x", "y"}
    assert not (kernel.folder / "pwned").exists()
    await again.aclose()


async def test_a_pickle_payload_runs_inside_the_jail_only(kernels: JailedKernels, launch: Launch) -> None:
    code = """
class Payload:
    def __reduce__(self):
        return (exec, ("import os; open('ran.txt', 'w').write(str(os.getpid())); open('/canary', 'w')",))
p = Payload()
"""
    kernel = await launch("s")
    await run(kernel, code)
    await kernel.snapshot()
    kernel.kill()
    again = await launch("s")
    assert again.restored is not None
    assert "p" in again.restored.lost
    assert (kernel.folder / "ran.txt").read_text(encoding="utf-8") == "1"


async def test_a_lying_kernel_cannot_break_the_server(kernel: JailedKernel, launch: Launch) -> None:
    code = """
import os, socket, threading
from workspace.jail.inside import state
def lie(self, stream, request):
    kind = {KIND}
    try:
        stream.sendall(kind)
        stream.recv(1)
    except OSError:
        pass
state.StateServer._save_in_a_copy = lie
"""
    lies = [
        b"\xff" * 100,
        b"m" + (1 << 40).to_bytes(8, "big"),
        b"h" + (40).to_bytes(8, "big") + bytes(32) + (1 << 60).to_bytes(8, "big"),
        b"r" + (5).to_bytes(8, "big") + b"[1,2]",
        b"r" + (2).to_bytes(8, "big") + b"{}",
        b"m" + (2).to_bytes(8, "big") + b"{}",
        b"h" + (3).to_bytes(8, "big") + b"abc",
    ]
    for lie in lies:
        await run(kernel, code.replace("{KIND}", repr(lie)))
        with pytest.raises(SnapshotFailed):
            await kernel.snapshot()
    assert (await run(kernel, "1 + 1")).value == "2"


async def test_a_session_id_is_a_plain_name(kernels: JailedKernels) -> None:
    for name in ("../x", "", "a/b", ".hidden", "x" * 200, "a\nb"):
        with pytest.raises(ValueError, match="not a session ID"):
            Vault(kernels.snapshots, name, b"")

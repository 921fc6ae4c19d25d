"""Kernels on systems without a sandbox, simulated here."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end
from workspace.jail import fork_server
from workspace.jail.handle import SnapshotFailed
from workspace.jail.kernels import JailedKernels
from workspace.jail.probe import Sandbox
from workspace.jail.wire import Level
from workspace.owned_folder import sweep_temporary

from .conftest import SMALL
from .driver import run


async def test_a_plain_kernel_runs_cells_and_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def nothing(*_: object) -> Sandbox:
        return Sandbox(Level.OFF, (), ("no jail here",), user_namespaces=False)

    monkeypatch.setattr(fork_server, "probe", nothing)
    data = tmp_path_factory.mktemp("plain")
    kernels = JailedKernels(SMALL, sessions=data / "sessions", snapshots=data / "snapshots", key=b"k")
    await kernels.start()
    kernel = await kernels.launch("s", kernels.sessions / "s")
    assert (await run(kernel, "import os; os.getcwd()")).value == repr(str(kernel.folder))
    with pytest.raises(SnapshotFailed):
        await kernel.snapshot()
    await run(kernel, "import subprocess; child = subprocess.Popen(['sleep', '600'])")
    assert (await run(kernel, "child.poll()")).value == "-9"
    assert (await run(kernel, "import asyncio; asyncio.run(asyncio.sleep(0, 42))")).value == "42"
    assert (await run(kernel, "print('\\ud83d'); print('after')")).text == "\ufffd\nafter\n"
    kernel.kill()
    await kernel.wait_for_exit()
    await kernel.aclose()
    again = await kernels.launch("s", kernels.sessions / "s")
    assert again.restored is None
    await kernels.aclose()
    assert not again.alive


async def test_the_seam_can_be_imported_where_there_are_no_walls() -> None:
    code = "import sys; sys.modules.update(resource=None, fcntl=None); import workspace.jail.kernels"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=Path(__file__).parents[3])
    assert await process.wait() == 0


SERVICE = """
import asyncio, sys
from pathlib import Path
from tests.workspace.jail.conftest import SMALL
from workspace.jail import fork_server
from workspace.jail.kernels import JailedKernels
from workspace.jail.probe import Sandbox
from workspace.jail.wire import Level
async def nothing(*_):
    return Sandbox(Level.OFF, (), ("no jail here",), user_namespaces=False)
fork_server.probe = nothing
async def main():
    data = Path(sys.argv[1])
    kernels = JailedKernels(SMALL, sessions=data / "sessions", snapshots=data / "snapshots", key=b"k")
    await kernels.start()
    kernel = await kernels.launch("s", kernels.sessions / "s")
    print(kernel.pid, kernel._endpoints.path("shell").parent, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


async def test_regression_a_plain_kernel_and_its_key_outlived_a_killed_service(tmp_path: Path) -> None:
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVICE, str(tmp_path)), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert service.stdout is not None
    pid, runtime = (await service.stdout.readline()).decode().split()
    kernel = psutil.Process(int(pid))
    assert await asyncio.to_thread(Path(runtime, "connection.json").exists)
    service.kill()
    await service.wait()
    await all_end([kernel])
    await asyncio.to_thread(sweep_temporary)
    assert not await asyncio.to_thread(Path(runtime).exists)

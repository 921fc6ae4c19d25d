"""Kernels without a sandbox or fork server, for systems that support neither. Only with SANDBOX=off.

They start slowly and lose their variables when they end; otherwise they behave the same.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from workspace.owned_folder import OwnedFolder, create_temporary
from workspace.threads import in_own_thread

from .channels.endpoints import Endpoints
from .handle import JailedKernel, KernelGone, SnapshotFailed
from .settings import JailSettings
from .variables import Report
from .vault import Vault
from .zygote_client import KernelProcess

LOAD_CELLS = (
    f"import sys; sys.path.append({str(Path(__file__).resolve().parents[2])!r})"
    "; get_ipython().run_line_magic('load_ext', 'workspace.jail.inside.cells')"
)
"""Begins and ends cells as in forked kernels."""
END_WITH = "; __import__('ipykernel.parentpoller', fromlist='x').ParentPollerUnix"
"""Ends the kernel when the process ends whose ID follows."""
_WHY = "variables are not kept on this system"
_RETRY_SECONDS = 0.1


class PlainProcess(KernelProcess):
    """An ordinary child process of the server, with its connection file and sockets in `runtime`."""

    def __init__(self, child: "subprocess.Popen[bytes]", runtime: OwnedFolder) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.pid = child.pid
        self._child = child
        self._waiting = asyncio.create_task(self._wait(runtime))

    async def _wait(self, runtime: OwnedFolder) -> None:
        status = await in_own_thread(self._child.wait)
        await asyncio.to_thread(runtime.remove)
        self.end(status)

    def send_signal(self, number: int) -> None:
        """See KernelProcess. SIGKILL also kills its process group and its descendants, unless they left both."""
        if self.exited.done():
            return
        if number == signal.SIGKILL:
            threading.Thread(target=_kill_family, args=(self.pid,), daemon=True).start()
        else:
            self._child.send_signal(number)

    def close(self) -> None:
        """Nothing to release."""


def _kill_family(pid: int) -> None:
    """Kill a process with its group, which it leads, and its descendants; reads `/proc`."""
    import psutil  # noqa: PLC0415  it cannot be imported on every system that imports this module

    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        descendants = psutil.Process(pid).children(recursive=True)
        os.killpg(pid, signal.SIGKILL)
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


class PlainKernel(JailedKernel):
    """A kernel without snapshots."""

    async def connect(self) -> None:
        """Like JailedKernel's; the interpreter needs a second until it listens."""
        async with asyncio.timeout(self.settings.start_seconds):
            while not await asyncio.to_thread(_listens, self._endpoints):
                if not self.alive:
                    raise KernelGone("the kernel ended during its start")
                await asyncio.sleep(_RETRY_SECONDS)
            await super().connect()

    async def snapshot(self) -> Report:
        """Raises SnapshotFailed."""
        raise SnapshotFailed(_WHY)

    async def restore(self) -> Report | None:
        """There is never a snapshot."""
        return None

    async def variables(self) -> Report:
        """Raises SnapshotFailed."""
        raise SnapshotFailed(_WHY)


async def start_plain(session: str, folder: Path, vault: Vault, settings: JailSettings) -> PlainKernel:
    """Start the interpreter in `folder`."""
    child, runtime, endpoints = await asyncio.to_thread(_started, folder)
    requests, theirs = socket.socketpair()
    theirs.close()
    return PlainKernel(session, folder, endpoints, PlainProcess(child, runtime), requests, vault, settings)


def _started(folder: Path) -> "tuple[subprocess.Popen[bytes], OwnedFolder, Endpoints]":
    runtime = create_temporary()
    endpoints = Endpoints.create(str(runtime.path / "kernel"))
    file = runtime.path / "connection.json"
    file.write_text(json.dumps(endpoints.connection_info()))
    null = subprocess.DEVNULL
    command = [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        str(file),
        f"--IPKernelApp.exec_lines={LOAD_CELLS}{END_WITH}({os.getpid()}).start()",
    ]
    child = subprocess.Popen(command, cwd=folder, stdin=null, stdout=null, stderr=null, start_new_session=True)
    return child, runtime, endpoints


def _listens(endpoints: Endpoints) -> bool:
    """Whether its last socket accepts connections."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(endpoints.path("iopub"))) == 0

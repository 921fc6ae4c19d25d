"""Kernels without a sandbox or fork server, for systems that support neither. Only with SANDBOX=off.

They start slowly and lose their variables when they end; otherwise they behave the same.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .handle import JailedKernel, SnapshotFailed
from .variables import Report
from .zygote_client import KernelProcess

LOAD_CELLS = (
    f"import sys; sys.path.append({str(Path(__file__).resolve().parents[2])!r})"
    "; get_ipython().run_line_magic('load_ext', 'workspace.jail.inside.cells')"
)
"""Begins and ends cells as in forked kernels."""
_WHY = "variables are not kept on this system"


class PlainProcess(KernelProcess):
    """An ordinary child process of the server."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.pid = child.pid
        self._child = child
        self._waiting = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        self.end(await asyncio.to_thread(self._child.wait))

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

    async def snapshot(self) -> Report:
        """Raises SnapshotFailed."""
        raise SnapshotFailed(_WHY)

    async def restore(self) -> Report | None:
        """There is never a snapshot."""
        return None

    async def variables(self) -> Report:
        """Raises SnapshotFailed."""
        raise SnapshotFailed(_WHY)


class PlainProvisioner(LocalProvisioner):
    """Starts the process in threads: upstream's coroutines read and write files, and wait for the new process."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """See LocalProvisioner, as for all methods here."""
        return await asyncio.to_thread(asyncio.run, super().pre_launch(**kwargs))

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """The process is then `process`."""
        return await asyncio.to_thread(asyncio.run, super().launch_kernel(cmd, **kwargs))


async def start_process(manager: AsyncKernelManager, folder: str) -> PlainProcess:
    """Start the interpreter in `folder`, on TCP sockets on loopback."""
    spec = await asyncio.to_thread(lambda: manager.kernel_spec)
    provisioner = manager.provisioner = PlainProvisioner(kernel_spec=spec, parent=manager)
    await manager.start_kernel(cwd=folder, extra_arguments=[f"--IPKernelApp.exec_lines={LOAD_CELLS}"])
    assert provisioner.process is not None
    return PlainProcess(provisioner.process)

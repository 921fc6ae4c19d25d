"""jupyter_client's provisioner and manager for forked kernels, with sockets that are already bound."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Type

from workspace.threads import made_in_thread

from .wire import CHANNELS
from .zygote_client import KILLED, KernelProcess

_EXIT_SECONDS = 5

Fork = Callable[[dict[str, Any], list[int]], Awaitable[KernelProcess]]
"""Forks a kernel with this connection info and the descriptors of the five bound sockets."""


class ForkProvisioner(KernelProvisionerBase):
    """Gets kernels from `fork`, which is set right after construction."""

    fork: Fork
    process: KernelProcess | None = None

    @property
    def has_process(self) -> bool:
        """See KernelProvisionerBase, as for all methods here."""
        return self.process is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """There is no command to build."""
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ARG002
        """Bind the sockets and fork. Raises ZygoteDied."""
        manager = cast("ForkedKernelManager", self.parent)
        info = manager.get_connection_info()
        with closing(await made_in_thread(partial(_Bound, info), _Bound.undo)) as bound:
            self.process = await self.fork(_as_text(info), bound.descriptors)
        self.connection_info = info
        return info

    async def poll(self) -> int | None:
        """The exit status of an ended kernel, otherwise None."""
        if self.process is None:
            return 0
        return self.process.exited.result() if self.process.exited.done() else None

    async def wait(self) -> int | None:
        """Wait for the end."""
        if self.process is None:
            return 0
        status = await asyncio.shield(self.process.exited)
        self.process.close()
        self.process = None
        return status

    async def send_signal(self, signum: int) -> None:
        """To the kernel only; SIGINT interrupts its cell."""
        if self.process is not None:
            self.process.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002
        """Kill it at once, with all its descendants; waits for its end, so that callers need not poll."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            await asyncio.wait({self.process.exited}, timeout=_EXIT_SECONDS)

    async def terminate(self, restart: bool = False) -> None:
        """A kernel that is the first process of its namespace would ignore SIGTERM."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: ARG002
        """The manager removes the sockets' files."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.end(KILLED)
            self.process.close()


class ForkedKernelManager(AsyncKernelManager):
    """An AsyncKernelManager that needs neither a kernel spec nor a connection file on disk."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Describes a forked kernel; there is no command."""
        return KernelSpec(display_name="Python 3 (jailed)", language="python", interrupt_mode="signal")

    def write_connection_file(self, **kwargs: Any) -> None:
        """Writes nothing: the kernel gets its connection info when it is forked."""


class PatientChannel(AsyncZMQSocketChannel):
    """Skips invalid messages: code in the sandbox can find the key and send anything."""

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        """Like upstream; raises queue.Empty after `timeout` seconds without a valid message."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - loop.time())
            try:
                message: dict[str, Any] = await super().get_msg(left)
            except (ValueError, TypeError, KeyError, IndexError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(message.get("content"), dict) and isinstance(message.get("parent_header"), dict):
                return message


class ForkedKernelClient(AsyncKernelClient):
    """An AsyncKernelClient whose channels tolerate forged messages."""

    shell_channel_class = Type(PatientChannel)
    iopub_channel_class = Type(PatientChannel)
    control_channel_class = Type(PatientChannel)


class _Bound:
    """Listening sockets, one per channel: clients can connect before the kernel runs, and the kernel needs no right to
    create any.
    """

    def __init__(self, info: KernelConnectionInfo) -> None:
        self._paths = [Path(f"{info['ip']}-{info[f'{channel}_port']}") for channel in CHANNELS]  # type: ignore[literal-required]
        with ExitStack() as sockets:
            self.descriptors = [sockets.enter_context(_listening(path)).fileno() for path in self._paths]
            self._sockets = sockets.pop_all()

    def close(self) -> None:
        """Close them in this process; processes that received the descriptors keep them."""
        self._sockets.close()

    def undo(self) -> None:
        """Also remove the files."""
        self.close()
        for path in self._paths:
            path.unlink(missing_ok=True)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        bound.bind(str(path))
        path.chmod(0o600)
        bound.listen(64)
        yield bound


def _as_text(info: KernelConnectionInfo) -> dict[str, Any]:
    return {name: os.fsdecode(value) if isinstance(value, bytes) else value for name, value in info.items()}

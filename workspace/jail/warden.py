"""The outermost process of the sandbox: ensures that nothing outlives the server.

It starts before anything is imported, so it takes only a few pages, and stays outside the namespaces, where it can see
the server. Without a PID namespace, processes left behind by a kernel become its children and are killed too.
"""

import os
import select
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from .walls import syscalls


def guard(child: int, server: int, runtime: str) -> NoReturn:
    """Wait until the fork server `child` or the `server` is gone; then kill what is left, remove `runtime` and exit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child_fd = os.pidfd_open(child)
    # Linux then forgets the orphans of ended kernels, which would count as their user's processes for ever.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    fds = [child_fd]
    server_is_there = os.getppid() == server
    if server_is_there:
        fds.append(os.pidfd_open(server))
        select.select(fds, [], [])
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(child_fd, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _kill_orphans()
    shutil.rmtree(runtime, ignore_errors=True)
    os._exit(0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def _kill_orphans() -> None:
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while True:
        for pid in own.read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):  # forgotten in the meantime
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return

"""The fork server: `python -m workspace.jail.zygote CONTROL_FD`.

It starts with a clean environment, enters its namespaces before it imports anything large, loads the libraries once,
and then forks ready kernels on request. It stays single-threaded, so that a fork copies everything. Its parent has the
other end of the control socket; when that is closed, everything ends.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from . import lockdown, rehearsal, warden
from .walls import limits, seccomp, syscalls
from .wire import CHANNELS, PACKET, Level, Spawn, ZygoteConfig


def main() -> None:
    """Boot, report readiness, and serve until the control socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # Not on the command line, which every kernel can read in its /proc.
    config = ZygoteConfig.from_json(control.recv(PACKET))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _leave_the_warden_behind(config, control)
    lockdown.enter_common_tree(config)
    gc.disable()
    app = _load(config)
    gc.collect()
    gc.freeze()
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    _ForkServer(control, config, app).serve(threads)


def _leave_the_warden_behind(config: ZygoteConfig, control: socket.socket) -> None:
    warden.adopt_orphans()
    lockdown.leave_the_machine(config)
    child = os.fork()
    if child:
        control.close()
        warden.guard(child, config.server_pid, config.runtime)
    syscalls.die_with_parent()


def _load(config: ZygoteConfig) -> Any:
    scratch = "/tmp" if config.level.has_namespaces else config.runtime  # noqa: S108
    os.environ.update(HOME=scratch, IPYTHONDIR=f"{scratch}/.ipython", MPLCONFIGDIR=f"{scratch}/.matplotlib")
    # Disables ipykernel's debugger, which costs 70 ms and megabytes in every kernel.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    for name in config.preload:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"cannot preload {name}: {error}", file=sys.stderr)  # noqa: T201
    kernel_app = importlib.import_module("workspace.jail.inside.app")
    importlib.import_module("workspace.jail.inside.state")
    for name in rehearsal.lazily_imported(scratch):
        try:
            importlib.import_module(name)
        except ImportError:  # a rehearsal's own module; a kernel that needs it will report it
            continue
    return kernel_app.prepare()


class _ForkServer:
    def __init__(self, control: socket.socket, config: ZygoteConfig, app: Any) -> None:
        self._control = control
        self._config = config
        self._app = app
        self._filter = seccomp.build(namespaces=config.level.has_namespaces) if config.level is not Level.OFF else b""
        self._ids: dict[int, int] = {}
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if config.level.has_namespaces else -1

    def serve(self, threads: int) -> NoReturn:
        """Fork on request and report ended processes, until the server closes its end."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self._say({"event": "ready", "threads": threads})
        while True:
            readable = select.select([self._control.fileno(), wake], [], [])[0]
            if wake in readable:
                os.read(wake, 4096)
                self._report_the_dead()
            if self._control.fileno() in readable:
                packet, fds, _, _ = socket.recv_fds(self._control, PACKET, 8)
                if not packet:
                    os._exit(0)
                self._fork(json.loads(packet)["id"], fds)

    def _say(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], fds)

    def _report_the_dead(self) -> None:
        while self._ids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if os.WIFSTOPPED(status):  # it requested tracing by us, which we never do
                os.kill(pid, signal.SIGKILL)
                continue
            if not self._config.level.has_namespaces:
                self._kill_group(pid)
            if pid in self._ids:
                code = os.waitstatus_to_exitcode(status)
                self._say({"event": "exited", "id": self._ids.pop(pid), "status": code})

    def _kill_group(self, leader: int) -> None:
        try:
            os.killpg(leader, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _fork(self, number: int, fds: list[int]) -> None:
        if self._own_pids >= 0:
            syscalls.unshare(syscalls.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            self._become_kernel(fds)
        self._ids[pid] = number
        handle = os.pidfd_open(pid)
        self._say({"event": "forked", "id": number}, (handle,))
        os.close(handle)
        for fd in fds:
            os.close(fd)
        if self._own_pids >= 0:
            # After the reply, because leaving the PID namespace takes Linux some milliseconds.
            syscalls.setns(self._own_pids, syscalls.CLONE_NEWPID)

    def _become_kernel(self, fds: list[int]) -> NoReturn:
        try:
            spawn = Spawn.from_packet(os.read(fds[len(CHANNELS)], PACKET))
            run_kernel(self._config, spawn, fds, self._filter, self._app)
        finally:  # no code of the fork server may run on in the child
            if sys.exc_info()[0] is not None:
                traceback.print_exc(file=sys.__stderr__)
            os._exit(70)


def run_kernel(config: ZygoteConfig, spawn: Spawn, fds: list[int], seccomp_filter: bytes, app: Any) -> None:
    """In the forked child: confine itself, then be an IPython kernel until stopped."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _close_all_but({0, 1, 2, *fds})
    os.setsid()
    limits.step_back()
    warden.adopt_orphans()  # a cell's processes, which end with it
    place = lockdown.lock_in(config, spawn, seccomp_filter)
    os.environ.clear()
    os.environ.update(lockdown.environment(place))
    _silence_standard_streams()
    sys.path.append(place.work)
    if "numpy.random" in sys.modules:
        # Otherwise all forks would draw the same random numbers.
        sys.modules["numpy.random"].seed()
    kernel_app = sys.modules["workspace.jail.inside.app"]
    listening = dict(zip(CHANNELS, fds, strict=False))
    wiring = kernel_app.Wiring(spawn.connection, listening, spawn.output_size, spawn.message_size)
    kernel_app.start(app, wiring)
    sys.modules["workspace.jail.inside.state"].serve(
        app.kernel.shell, fds[len(CHANNELS)], app.kernel.shell.cells.spared
    )
    gc.enable()
    app.start()


def _close_all_but(keep: set[int]) -> None:
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in keep:
            try:
                os.close(fd)
            except OSError:  # the descriptor of this listing itself
                continue


def _silence_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.close(null)


if __name__ == "__main__":
    main()

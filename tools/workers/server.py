"""The fork server of `tools/workers/pool.py`, started by `tools/workers/main.py`.

It starts with a clean environment, loads the libraries once, and forks one process per job. It stays single-threaded,
so that a fork copies everything. Each message on the control socket is one byte and two descriptors: the job's socket,
used only by the forked process, and a status socket, on which the server reports how that process ended. When the
client closes its end of the status socket, the process is killed; when it closes the control socket, everything ends.

A worker is limited in memory, time and descriptors, and cannot write files. On Linux it can read only the system, the
program, and the paths among its arguments (Landlock), and cannot reach the network or other processes (seccomp).
"""

import contextlib
import gc
import importlib
import math
import os
import pickle
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from tools.workers.jobs import READY, STATUS, Answer, Job, JobError
from workspace.jail.walls import landlock, seccomp, syscalls

NICE = 5
OOM_SCORE = "900"
OPEN_FILES = 64
ROOT = Path(__file__).resolve().parents[2]
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/mime.types", "/etc/localtime", "/proc/self", "/dev/null", "/dev/urandom")
_MAX_REASON = 500


def main() -> NoReturn:
    """Load the named modules, report readiness, fork on request until the control socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    control.sendall(READY)
    _ForkServer(control).serve()


class _ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._status: dict[int, socket.socket] = {}
        """The status socket of each living worker, by process ID."""
        self._filter = _filter()

    def serve(self) -> NoReturn:
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        while True:
            clients = {status.fileno(): pid for pid, status in self._status.items()}
            readable = select.select([self._control.fileno(), wake, *clients], [], [])[0]
            for fd in readable:
                if fd in clients:  # nothing is ever sent on it: the client is gone
                    os.kill(clients[fd], signal.SIGKILL)
            if wake in readable:
                os.read(wake, 4096)
            self._bury()
            if self._control.fileno() in readable:
                packet, fds, _, _ = socket.recv_fds(self._control, 1, 2)
                if not packet:
                    self._end()
                self._fork(*(socket.socket(fileno=fd) for fd in fds))

    def _bury(self) -> None:
        for pid in list(self._status):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                # processes that it may have started; its ID is ours until we wait for it
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            with self._status.pop(pid) as client, contextlib.suppress(OSError):
                client.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))

    def _end(self) -> NoReturn:
        for pid in self._status:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        os._exit(0)

    def _fork(self, job: socket.socket, status: socket.socket) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_worker(job)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # in both, because either may be first
        job.close()
        self._status[pid] = status

    def _become_worker(self, job: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _close_all_but({0, 1, 2, job.fileno()})
            os.setpgid(0, 0)
            if sys.platform == "linux":
                syscalls.die_with_parent()
            gc.enable()
            _silence()
            work(job, self._filter)
        finally:  # no code of the fork server may run on in the child
            os._exit(1)


def work(connection: socket.socket, seccomp_filter: bytes) -> None:
    """In the forked process: read the job, confine the process, run the job, send the result, exit with status 0."""
    received = bytearray()
    while chunk := connection.recv(1 << 16):
        received += chunk
    answer = Answer(failed="it ended without a result")
    try:
        job: Job = pickle.loads(received)  # noqa: S301 (from the service itself)
        _limit(job)
        _confine(job, seccomp_filter)
        answer = _do(job)
    finally:
        error = sys.exc_info()[1]
        if error is not None:
            answer = Answer(failed=_told(error))
        connection.sendall(_packed(answer))
        os._exit(0)


def _do(job: Job) -> Answer:
    try:
        return Answer(value=job.function(*job.args))
    except JobError as error:
        return Answer(error=error.with_traceback(None))
    except MemoryError:
        return Answer(out_of_memory=True)


def _packed(answer: Answer) -> bytes:
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return pickle.dumps(Answer(out_of_memory=True))


def _told(error: BaseException) -> str:
    place, trace = "", error.__traceback__
    while trace is not None:
        place, trace = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}", trace.tb_next
    return f"{type(error).__name__}: {error} ({place})"[:_MAX_REASON]


def _limit(job: Job) -> None:
    os.nice(NICE)
    seconds = math.ceil(job.seconds) + 1
    wanted = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
        mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = mapped + job.memory
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _confine(job: Job, seccomp_filter: bytes) -> None:
    """Applies the confinement that this system supports; the limits apply in any case."""
    if not seccomp_filter:
        return
    if landlock.abi():
        given = [str(path) for path in job.args if isinstance(path, Path)]
        program = [sys.prefix, sys.base_prefix, *(str(ROOT / name) for name in ("tools", "workspace"))]
        landlock.restrict(landlock.Reach(read=(*_SYSTEM, *program, *given), write=()))
    seccomp.restrict(seccomp_filter)


def _filter() -> bytes:
    try:
        return seccomp.build(namespaces=False) if sys.platform == "linux" else b""
    except LookupError:  # a processor that the sandbox does not support either
        return b""


def _silence() -> None:
    """Libraries complain about what they read; a file's content must not appear in the service's log."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.close(null)


def _close_all_but(keep: set[int]) -> None:
    limit = max(keep)
    for fd in range(limit):
        if fd not in keep:
            with contextlib.suppress(OSError):
                os.close(fd)
    os.closerange(limit + 1, 1024)

"""Runs functions in separate processes, so that a crash caused by their input affects nothing else."""

import asyncio
import contextlib
import logging
import pickle
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tools.workers.jobs import OURS, STATUS, Answer, Job, read_answer
from tools.workers.settings import WorkerSettings
from workspace.fair_share import FairPlaces

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_ANSWER = 64 << 20
"""Maximum size of a function's result, in bytes."""
MAIN = Path(__file__).resolve().with_name("main.py")
BOOT_SECONDS = 60
STOP_SECONDS = 3
_MANGLED = (pickle.UnpicklingError, ValueError, TypeError, AttributeError, LookupError, EOFError, ImportError)
_OUT_OF_TIME = (-signal.SIGXCPU,)


class WorkerError(Exception):
    """The function did not finish. The message can be shown to the user."""


class WorkerTimeout(WorkerError):  # noqa: N818 (as Python's own is named)
    """It exceeded its time limit."""


class WorkerOutOfMemory(WorkerError):  # noqa: N818
    """It exceeded its memory limit."""


class WorkerDied(WorkerError):  # noqa: N818
    """Its process ended, or it raised an undeclared exception; the log has the details."""


class WorkersUnavailable(WorkerError):  # noqa: N818
    """No worker could be started, which says nothing about the job."""


class Workers:
    """Forks a new process per job from a server that has the libraries loaded."""

    def __init__(self, settings: WorkerSettings, *, preload: Sequence[str] = ()) -> None:
        """`preload`: modules that every worker has imported at its start; it imports others when needed."""
        self._settings = settings
        self._preload = preload
        self._places = FairPlaces(settings.workers)
        self._server: asyncio.Task[_Server] | None = None

    def boot(self) -> None:
        """Start the fork server in the background, rather than at the first job."""
        self._booting()

    async def run(
        self, function: Callable[..., T], *args: Any, seconds: float | None = None, memory: int | None = None
    ) -> T:
        """`function(*args)`, run in a worker. It must be importable by name, and its arguments picklable.

        The function can read the files and folders among its arguments (`Path`), and nothing else of the user's; it
        cannot write. It returns plain values, or dataclasses of `tools`, `workspace` or its own package. Raises
        `WorkerTimeout`, `WorkerOutOfMemory`, `WorkerDied`, `WorkersUnavailable`, and any `JobError` that the function
        raises. Cancelling the caller kills the process.
        """
        limit = seconds or self._settings.read_seconds
        job = Job(function, args, limit, memory or self._settings.read_memory)
        packed = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        async with self._places.place():
            client, status = await self._hand_over()
            with client, status:
                try:
                    async with asyncio.timeout(limit):
                        data, code = await _exchange(packed, client, status)
                except TimeoutError:
                    raise WorkerTimeout(f"It took longer than {limit:g} seconds.") from None
        return await _outcome(function, data, code, limit)

    async def aclose(self) -> None:
        """End the fork server and all its jobs."""
        booting, self._server = self._server, None
        if booting is None:
            return
        booting.cancel()
        (server,) = await asyncio.gather(booting, return_exceptions=True)
        if isinstance(server, _Server):
            await server.aclose()

    def _booting(self) -> "asyncio.Task[_Server]":
        if self._server is None or (self._server.done() and not _is_alive(self._server)):
            self._server = asyncio.create_task(_Server.boot(self._preload))
        return self._server

    async def _hand_over(self) -> tuple[socket.socket, socket.socket]:
        """Our ends of a new job's two sockets. A server that died since the last job is restarted, once."""
        for _ in range(2):
            try:
                server = await asyncio.shield(self._booting())
            except OSError:
                log.exception("the workers' fork server did not start")
                break
            with contextlib.suppress(ConnectionError):
                return server.fork()
            await server.aclose()
        raise WorkersUnavailable("No worker could be started.")


def _is_alive(task: "asyncio.Task[_Server]") -> bool:
    return not task.cancelled() and task.exception() is None and task.result().alive


async def _exchange(packed: bytes, client: socket.socket, status: socket.socket) -> tuple[bytes, int | None]:
    """`(the worker's result, its exit status or None if the server is gone)`."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    with contextlib.suppress(ConnectionError):  # it died: its status says how
        await loop.sock_sendall(client, packed)
        client.shutdown(socket.SHUT_WR)
        while chunk := await loop.sock_recv(client, 1 << 18):
            data += chunk
            if len(data) > MAX_ANSWER:
                raise WorkerDied(f"Its result was larger than {MAX_ANSWER >> 20} MB.")
    code = await loop.sock_recv(status, STATUS.size)
    return bytes(data), STATUS.unpack(code)[0] if len(code) == STATUS.size else None


async def _outcome(function: Callable[..., T], data: bytes, code: int | None, limit: float) -> T:
    name = getattr(function, "__qualname__", repr(function))
    if code in _OUT_OF_TIME:
        raise WorkerTimeout(f"It took longer than {limit:g} seconds.")
    if code != 0:
        log.warning("the worker of %s ended with status %s", name, code)
        raise WorkerDied("The process that read it crashed.")
    try:
        answer = await asyncio.to_thread(read_answer, data, OURS | {function.__module__.partition(".")[0]})
    except _MANGLED as error:
        log.warning("the worker of %s sent an invalid result: %s", name, error)
        raise WorkerDied("The process that read it crashed.") from error
    _raise_what_went_wrong(name, answer)
    value: T = answer.value
    return value


def _raise_what_went_wrong(name: str, answer: Answer) -> None:
    if answer.error is not None:
        raise answer.error
    if answer.out_of_memory:
        raise WorkerOutOfMemory("It needs more memory than a reader may use.")
    if answer.failed:
        log.warning("%s failed: %s", name, answer.failed)
        raise WorkerDied("It could not be read.")


class _Server:
    """The fork server's process, and our end of its control socket."""

    def __init__(self, process: Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._life = asyncio.create_task(self._watch())

    @classmethod
    async def boot(cls, preload: Sequence[str]) -> "_Server":
        """Raises OSError, including TimeoutError, if it does not become ready."""
        control, theirs = socket.socketpair()
        control.setblocking(False)
        try:
            with theirs:
                command = [sys.executable, "-P", str(MAIN), str(theirs.fileno()), *preload]
                process = await asyncio.create_subprocess_exec(
                    *command,
                    pass_fds=[theirs.fileno()],
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=PIPE,
                    env=clean_environment(),
                    cwd="/",
                    start_new_session=True,
                )
        except BaseException:
            control.close()
            raise
        server = cls(process, control)
        ready = b""
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                ready = await asyncio.get_running_loop().sock_recv(control, 1)
        finally:
            if not ready:
                await server.aclose()
        if not ready:
            raise ConnectionError("it ended before it was ready")
        return server

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and self._control.fileno() >= 0

    def fork(self) -> tuple[socket.socket, socket.socket]:
        """Our ends of a new worker's sockets: the job's, and its status. Raises ConnectionError if the server is
        dead.
        """
        job, their_job = socket.socketpair()
        status, their_status = socket.socketpair()
        with their_job, their_status:
            try:
                socket.send_fds(self._control, [b"j"], [their_job.fileno(), their_status.fileno()])
            except OSError as error:
                job.close()
                status.close()
                raise ConnectionError("the fork server is gone") from error
        job.setblocking(False)
        status.setblocking(False)
        return job, status

    async def aclose(self) -> None:
        """End it and its workers, and wait until it is gone."""
        self._control.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(self._life)
        except TimeoutError:
            self._process.kill()
            await self._life

    async def _watch(self) -> None:
        """Copy its output to the log, until it ends."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            log.warning("fork server: %s", line.decode(errors="replace").rstrip())
        await self._process.wait()
        self._control.close()


def clean_environment() -> dict[str, str]:
    """Nothing from the service's environment, so that a worker taken over by a file finds no secrets."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONPATH": str(MAIN.parents[2]),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        # Each of these keeps a library from starting threads, which a fork would not copy, or from reserving memory.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "MALLOC_ARENA_MAX": "2",
    }

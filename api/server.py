"""A uvicorn server that ends the running answers before it shuts down."""

import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from langchain_core.language_models import BaseChatModel

from api.app import create_app
from api.connections import ConnectionGuard, GuardedConfig, max_connections
from api.loop_watch import LoopWatch
from api.routes.websocket import MAX_MESSAGE
from api.runs.session_locks import SessionLocks
from api.services import Services, open_services
from api.settings import Settings, SettingsError
from api.settings.server import DEFAULT_PORT, UNPRIVILEGED_PORT, ServerSettings
from workspace.fair_share import FairExecutor
from workspace.threads import in_own_thread

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 10
BACKLOG = 256
"""New connections that may wait; asyncio accepts all of them at once, at about 0.3 ms each."""
OPEN_FILES = 1 << 16
THREADS, THREADS_PER_USER = 32, 4
SWITCH_SECONDS = 0.002
"""After which a computing thread lets others run, among them the event loop. Python's default is 5 ms; with less than
2 ms, answers of many users at once take noticeably longer.
"""


class Server(uvicorn.Server):
    """Ends the runs before waiting for their connections, so that every stream gets its error frame."""

    def __init__(self, config: uvicorn.Config, locks: SessionLocks) -> None:
        super().__init__(config)
        self._locks = locks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and let the caller close everything that is open.

        uvicorn would raise the signal again after serving, which ends the process before anything is saved.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._locks.stop_all()
        await super().shutdown(sockets)


def listen(settings: ServerSettings) -> socket.socket:
    """The listening socket. Raises `SettingsError` if the address cannot be used."""
    port = DEFAULT_PORT if settings.port is None else settings.port
    try:
        return _listening(settings.host, port)
    except PermissionError as error:
        if settings.port is not None:
            raise _unusable(settings.host, port, error) from error
        log.warning("port %s is reserved for root; listening on port %s instead", port, UNPRIVILEGED_PORT)
        return listen(settings.model_copy(update={"port": UNPRIVILEGED_PORT}))
    except OSError as error:
        raise _unusable(settings.host, port, error) from error


def raise_open_file_limit() -> None:
    """Raise the soft limit of open files as far as the system permits: each kernel needs about twenty."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _unusable(host: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(
        f"cannot listen on {host}:{port}: {error.strerror}; SERVER_HOST and SERVER_PORT set the address"
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named explicitly because asyncio disables Nagle's algorithm (a delay of 40 ms per frame) only
    # then.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


async def serve(
    settings: Settings,
    model: BaseChatModel,
    sock: socket.socket,
    on_start: Callable[[Server, Services], None],
    *,
    more_models: Sequence[BaseChatModel] = (),
    seeing: BaseChatModel | None = None,
    coder: BaseChatModel | None = None,
    boot: bool = True,
) -> None:
    """Serve until a signal, or until `should_exit` is set on the server passed to `on_start` when everything is open.

    `model` is the default model; `coder` writes programs, `seeing` views images. With `boot=False` the fork servers
    start at their first use. Raises `SandboxUnavailable`.
    """
    await share_threads()
    async with open_services(settings, model, seeing, more_models, coder=coder, boot=boot) as services:
        server = server_of(services)
        on_start(server, services)
        watch = LoopWatch()
        watch.start()
        try:
            await server.serve(sockets=[sock])
        finally:
            await watch.aclose()


async def share_threads() -> None:
    """Let the running loop share its default threads fairly among users, and computing threads disturb it less."""
    sys.setswitchinterval(SWITCH_SECONDS)
    pool = FairExecutor(THREADS, THREADS_PER_USER, "worker")
    await in_own_thread(pool.start)
    asyncio.get_running_loop().set_default_executor(pool)


def server_of(services: Services) -> Server:
    """A server, not started yet, for open services."""
    settings = services.settings
    config = GuardedConfig(
        create_app(services),
        ConnectionGuard(max_connections()),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.requests.trusted_proxies),
        forwarded_allow_ips=list(settings.requests.trusted_proxies),
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        lifespan="off",
        ws_max_size=MAX_MESSAGE,
        ws_max_queue=1,
        backlog=BACKLOG,
        # Inflating a message of 16 MB, which a client can send in 16 kB, would block the event loop.
        ws_per_message_deflate=False,
    )
    return Server(config, services.locks)


def keep_what_is_loaded() -> None:
    """Freeze all objects loaded so far, so that the garbage collector skips them. Call once, when everything is open.

    A full collection visits every object of the libraries, which live as long as the process, and blocks all responses
    (`python -m benchmarks.pauses`).
    """
    gc.collect()
    gc.freeze()

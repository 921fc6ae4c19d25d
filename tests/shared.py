"""Fork servers shared by all services of one pytest process, so that they start only once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from api.services import ForkServers
from api.settings import Settings
from tools import PRELOAD
from tools.workers.pool import Workers
from workspace.jail.fork_server import ForkServer


class SharedForkServers:
    """None are open unless `tests/conftest.py` opened them: a service then starts its own."""

    def __init__(self) -> None:
        self._open: list[tuple[ForkServers, Settings, Path]] = []

    @asynccontextmanager
    async def open(self, settings: Settings, root: Path) -> AsyncIterator[ForkServers]:
        """For services with data in `root` and with the kernel and worker settings of `settings`."""
        kernels = ForkServer(settings.jail, root)
        workers = Workers(settings.workers, preload=PRELOAD)
        servers = ForkServers(kernels, workers)
        entry = servers, settings, root
        self._open.append(entry)
        try:
            yield servers
        finally:
            self._open.remove(entry)
            await workers.aclose()
            await kernels.aclose()

    def for_service(self, settings: Settings) -> ForkServers | None:
        """The open ones, if a service with these settings would start identical ones."""
        for servers, ours, root in self._open:
            same_kernels = servers.kernels.suits(settings.jail)
            same_workers = settings.workers == ours.workers
            if same_kernels and same_workers and settings.data_dir.is_relative_to(root):
                return servers
        return None


SHARED = SharedForkServers()

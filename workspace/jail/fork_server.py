"""A fork server for kernels: probes the machine once, starts its process on first use, and restarts it if it dies.

Several `JailedKernels` can share one, so that several services in one process start it only once. This does not change
what a kernel can see: its own session's folder and nothing else of `root`.
"""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from . import cgroups
from .probe import Sandbox, describe, make_config, probe
from .settings import JailSettings
from .wire import Level, ZygoteConfig
from .zygote_client import Zygote

logger = logging.getLogger(__name__)


class ForkServer:
    """Its creator closes it, after all `JailedKernels` that use it."""

    def __init__(self, settings: JailSettings, root: Path) -> None:
        """`root` contains every session's folder, at any depth; it must exist when the first kernel starts."""
        self._settings = settings
        self._root = root
        self._sandbox: Sandbox | None = None
        self.groups = cgroups.ControlGroups((), "")
        """Of kernels; found by `probe`."""

        self._zygote: Zygote | None = None
        self._one_start = asyncio.Lock()

    async def probe(self, levels: tuple[Level, ...] | None = None) -> Sandbox:
        """How kernels are confined: determined at the first call (0.1 s) and constant from then on.

        `levels` overrides what `settings.sandbox` allows. Raises SandboxUnavailable.
        """
        async with self._one_start:
            if self._sandbox is None:
                self._sandbox = await self._reported(await probe(self._settings, levels))
                logger.info("sandbox: %s", describe(self._sandbox))
            return self._sandbox

    async def _reported(self, sandbox: Sandbox) -> Sandbox:
        """The sandbox with its control groups, which are looked for here."""
        if not sandbox.mechanisms:
            return sandbox
        self.groups = await asyncio.to_thread(cgroups.find)
        mechanisms, missing = sandbox.mechanisms, sandbox.missing
        if self.groups.mechanism:
            mechanisms += (self.groups.mechanism,)
        if self.groups.missing and sandbox.level is not Level.OFF:
            missing += (f"control groups: {self.groups.missing}",)
        return replace(sandbox, mechanisms=mechanisms, missing=missing)

    async def running(self) -> Zygote:
        """The running process; starting it takes about a second. Raises LookupError before `probe`, ZygoteDied,
        TimeoutError.
        """
        async with self._one_start:
            if self._zygote is None or self.has_died:
                if self._zygote is not None:
                    logger.warning("the fork server died; restarting it")
                    await self._zygote.aclose()
                    self._zygote = None
                zygote = Zygote(self._config, self._settings.start_seconds)
                await zygote.start()
                self._zygote = zygote
            return self._zygote

    @property
    def zygote(self) -> Zygote:
        """The current process, possibly dead. Raises LookupError before its first start."""
        if self._zygote is None:
            raise LookupError("the fork server has not been started")
        return self._zygote

    @property
    def has_died(self) -> bool:
        """Whether the process was started and has ended since."""
        return self._zygote is not None and not self._zygote.alive

    def suits(self, settings: JailSettings) -> bool:
        """Whether kernels with these settings can be forked here: the same sandbox, libraries and scratch space."""
        ours = self._settings
        return (settings.sandbox, settings.python_code_preload_libraries, settings.scratch_mb) == (
            ours.sandbox,
            ours.python_code_preload_libraries,
            ours.scratch_mb,
        )

    def relative(self, folder: Path) -> str:
        """The path of a session's folder relative to `root`. Raises ValueError for a folder elsewhere."""
        return str(folder.parent.resolve().relative_to(self._root.resolve()) / folder.name)

    async def aclose(self) -> None:
        """End the process and all its kernels."""
        if self._zygote is not None:
            await self._zygote.aclose()

    def _config(self, runtime: str) -> ZygoteConfig:
        if self._sandbox is None:
            raise LookupError("the machine has not been probed")
        return make_config(
            self._settings, self._sandbox.level, self._root, runtime, user_namespaces=self._sandbox.user_namespaces
        )

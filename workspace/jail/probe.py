"""Finds out which mechanisms this machine supports by applying them to a throw-away process."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workspace.owned_folder import temporary_folder
from workspace.settings import MIB

from .settings import FIRST_UID, JailSettings, SandboxMode
from .wire import Level, ZygoteConfig
from .zygote_client import clean_environment

_SECONDS = 30
_OFF = "set SANDBOX=off, but code can then do everything that this service can."
_NAMESPACES = ("mount, pid, network, ipc, uts and cgroup namespaces",)


class SandboxUnavailable(RuntimeError):  # noqa: N818
    """This machine cannot confine kernels as configured. The message says what is missing and what to do."""


@dataclass(frozen=True)
class Sandbox:
    """How kernels are confined here."""

    level: Level
    mechanisms: tuple[str, ...]
    """The mechanisms that confine a kernel."""

    missing: tuple[str, ...]
    """Why no stronger level was chosen, one reason per level, and which control groups are not used."""

    user_namespaces: bool
    """Whether each kernel has its own user namespace."""


async def probe(settings: JailSettings, levels: tuple[Level, ...] | None = None) -> Sandbox:
    """The strongest of `levels` (default: those that `settings.sandbox` allows) that works.

    Raises SandboxUnavailable if none does.
    """
    allowed = levels or _levels(settings.sandbox)
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return _elsewhere(allowed)
    missing: list[str] = []
    for level in allowed:
        if level is Level.OFF:
            return Sandbox(level, _mechanisms(level, user_namespaces=False), tuple(missing), user_namespaces=False)
        for user_namespaces in (True, False) if level.has_namespaces else (False,):
            reason = await _try(settings, level, user_namespaces=user_namespaces)
            if reason is None:
                found = _mechanisms(level, user_namespaces=user_namespaces)
                return Sandbox(level, found, tuple(missing), user_namespaces)
            missing.append(f"{level}{'' if user_namespaces else ' without user namespaces'}: {reason}")
    raise SandboxUnavailable(
        f"SANDBOX={settings.sandbox}: this machine cannot sandbox Python."
        + "; ".join(missing)
        + f". Allow what is missing, or {_OFF}"
    )


def _levels(mode: SandboxMode) -> tuple[Level, ...]:
    return {
        "strict": (Level.FULL,),
        "auto": (Level.FULL, Level.NAMESPACES, Level.LANDLOCK),
        "off": (Level.OFF,),
    }[mode]


def _elsewhere(allowed: tuple[Level, ...]) -> Sandbox:
    if allowed == (Level.OFF,):
        return Sandbox(Level.OFF, (), (f"no sandbox on {sys.platform} {platform.machine()}",), user_namespaces=False)
    raise SandboxUnavailable(
        f"the sandbox requires Linux on x86_64 or aarch64, but this is {sys.platform} on {platform.machine()}."
        f"Run the service in a Linux container, or {_OFF}"
    )


def _mechanisms(level: Level, *, user_namespaces: bool) -> tuple[str, ...]:
    # Not at the top: on systems that this module must refuse with a message, the modules cannot even be imported.
    from .walls import landlock  # noqa: PLC0415

    found: list[str] = []
    if level.has_namespaces:
        found += _NAMESPACES
    if user_namespaces:
        found.append("user namespaces")
    if level.has_landlock:
        found.append(f"Landlock (ABI {landlock.abi()})")
    if level is not Level.OFF:
        found += ["seccomp", "no new privileges", "no capabilities"]
    if level is not Level.OFF and os.geteuid() == 0:
        found.append("unprivileged users")
    return (*found, "resource limits", "watchdog")


async def _try(settings: JailSettings, level: Level, *, user_namespaces: bool) -> str | None:
    """Why this level does not work, or None if it does."""
    async with temporary_folder() as folder:
        uid = FIRST_UID if os.geteuid() == 0 else 0
        await asyncio.to_thread(_furnish, folder, uid)
        config = make_config(settings, level, folder / "sessions", str(folder), user_namespaces=user_namespaces)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "workspace.jail.probe_child",
            config.to_json().decode(),
            str(uid),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(),
            cwd="/",
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return "the check did not finish"
    return _reason(output, errors)


def _furnish(folder: Path, uid: int) -> None:
    session = folder / "sessions" / "probe"
    session.mkdir(parents=True)
    if uid:
        os.chown(session, uid, uid)
        folder.chmod(0o755)
    canary = folder / "canary"
    canary.write_text("a file of the server", encoding="utf-8")
    canary.chmod(0o644)


def _reason(output: bytes, errors: bytes) -> str | None:
    for line in _lines(output):
        return None if line == "works" else line
    last = [*_lines(errors)][-1:]
    return last[0] if last else "the check was killed"


def _lines(text: bytes) -> Iterator[str]:
    return (line for line in text.decode(errors="replace").splitlines() if line.strip())


def make_config(
    settings: JailSettings, level: Level, sessions: Path, runtime: str, *, user_namespaces: bool
) -> ZygoteConfig:
    """The fork server's configuration."""
    # As above.
    from .lockdown import readable_system  # noqa: PLC0415

    return ZygoteConfig(
        level=level,
        user_namespaces=user_namespaces,
        sessions=str(sessions.resolve()),
        runtime=runtime,
        read_only=readable_system(),
        preload=settings.python_code_preload_libraries,
        scratch_size=settings.scratch_mb * MIB,
        server_pid=os.getpid(),
    )


def describe(sandbox: Sandbox) -> str:
    """One line for the log."""
    parts = {"level": sandbox.level, "mechanisms": sandbox.mechanisms, "missing": sandbox.missing}
    return json.dumps(parts)

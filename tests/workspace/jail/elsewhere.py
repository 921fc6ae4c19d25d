"""Simulates a weaker machine, and runs kernels on it: run as root, prints JSON.

`python -m tests.workspace.jail.elsewhere [--level L] [--user UID] [--no-user-namespaces] [--no-admin] [--attempts]
[--hoards]`.
Everything happens in separate namespaces, so the machine itself is not changed.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from tests.processes import ended
from workspace.jail.kernels import JailedKernels
from workspace.jail.probe import SandboxUnavailable
from workspace.jail.walls import mounts, syscalls
from workspace.jail.walls.limits import become
from workspace.jail.wire import Level

from . import world
from .attempts import ALL
from .conftest import SMALL
from .driver import EndlessCellError, run
from .hoards import HOARDS
from .test_escapes import set_up, succeeds

_CAP_SYS_ADMIN = 21
_PR_CAPBSET_DROP = 24


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--level")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--user", type=int, default=0)
    parser.add_argument("--no-user-namespaces", action="store_true")
    parser.add_argument("--no-admin", action="store_true")
    parser.add_argument("--attempts", action="store_true")
    parser.add_argument("--hoards", action="store_true")
    wanted = parser.parse_args()
    wanted.folder = Path(tempfile.mkdtemp(prefix="jail-elsewhere-"))
    wanted.folder.chmod(0o755)
    data = wanted.folder / "data"
    data.mkdir(mode=0o700)
    for path in (wanted.folder, data):
        os.chown(path, wanted.user, wanted.user)
    if wanted.no_user_namespaces:
        _forbid_user_namespaces()
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, mounts.MS_REC | mounts.MS_SLAVE)
    for path in {sys.base_prefix, sys.prefix, str(Path(__file__).parents[3])}:
        _open_the_way_to(path)
    if wanted.no_admin:
        _drop_admin()
    if wanted.user:
        become(wanted.user)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    try:
        sys.stdout.write(json.dumps(asyncio.run(_report(wanted))) + "\n")
    finally:
        shutil.rmtree(wanted.folder, ignore_errors=True)


def _forbid_user_namespaces() -> None:
    """In a user namespace that maps everyone, as in a container without user namespaces."""
    ours, theirs = os.pipe()
    done, say_done = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.read(ours, 1)
        for kind in ("uid", "gid"):
            Path(f"/proc/{parent}/{kind}_map").write_text("0 0 4294967295")
        os.write(say_done, b"x")
        os._exit(0)
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    os.write(theirs, b"x")
    os.read(done, 1)
    os.waitpid(helper, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _open_the_way_to(path: str) -> None:
    """Let other users reach the content of a closed folder, such as an interpreter in root's home."""
    closed = [p for p in Path(path).parents if not p.stat().st_mode & 0o001]
    if closed:
        original = os.open(path, os.O_PATH)
        syscalls.mount("tmpfs", str(closed[-1]), "tmpfs", 0, "mode=755")
        Path(path).mkdir(parents=True)
        syscalls.mount(f"/proc/self/fd/{original}", path, None, mounts.MS_BIND | mounts.MS_REC)
        os.close(original)


def _drop_admin() -> None:
    import ctypes

    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    syscalls.prctl(_PR_CAPBSET_DROP, _CAP_SYS_ADMIN)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(ctypes.byref(header), ctypes.byref(sets)) == 0
    for part in range(3):
        sets[part] &= ~(1 << _CAP_SYS_ADMIN)
    syscalls.call("capset", ctypes.byref(header), ctypes.byref(sets))


async def _report(wanted: argparse.Namespace) -> dict[str, Any]:
    data = wanted.folder / "data"
    preload = SMALL.python_code_preload_libraries if wanted.attempts else ()
    settings = SMALL.model_copy(update={"sandbox": wanted.sandbox, "python_code_preload_libraries": preload})
    kernels = JailedKernels(settings, sessions=data / "sessions", snapshots=data / "snapshots", key=b"key")
    try:
        sandbox = await kernels.start((Level(wanted.level),) if wanted.level else None)
    except SandboxUnavailable as error:
        return {"refused": str(error)}
    if sandbox.level is Level.LANDLOCK and wanted.user == 0:
        for path in (data, data / "sessions"):
            path.chmod(0o711)
    try:
        report: dict[str, Any] = {
            "level": sandbox.level,
            "user_namespaces": sandbox.user_namespaces,
            "missing": sandbox.missing,
        }
        if wanted.attempts:
            return report | await _attempts(kernels, wanted.folder)
        if wanted.hoards:
            reasons = {name: await _reason(kernels, code) for name, (_, code) in HOARDS.items()}
            return report | {"reasons": reasons, "zombies": _zombies(kernels.fork_server_pid)}
        return report | await _one_cell_and_a_rebirth(kernels)
    finally:
        await kernels.aclose()


async def _attempts(kernels: JailedKernels, folder: Path) -> dict[str, Any]:
    out, odd = [], {}
    with world.made(folder / "open", kernels.uid_of("tries")) as made:
        scene = await set_up(kernels, made)
        for name, code in ALL.items():
            try:
                if await succeeds(scene, kernels, code):
                    out.append(name)
            except EndlessCellError as error:
                odd[name] = str(error)[:80]
            if damage := made.damage():
                out.append(name)
                odd[name] = ", ".join(damage)
                made.repair()
    return {"out": sorted(set(out)), "odd": odd}


def _zombies(pid: int) -> int:
    return sum(process.status() == psutil.STATUS_ZOMBIE for process in psutil.Process(pid).children(recursive=True))


async def _reason(kernels: JailedKernels, code: str) -> str:
    kernel = await kernels.launch("hoarder", kernels.sessions / "hoarder")
    try:
        cell = await run(kernel, code, seconds=50)
    except EndlessCellError:
        return "none"
    finally:
        await kernel.aclose()
        await asyncio.to_thread(shutil.rmtree, kernel.folder)
    return kernel.why_it_died or cell.error or cell.text


async def _one_cell_and_a_rebirth(kernels: JailedKernels) -> dict[str, Any]:
    kernel = await kernels.launch("s", kernels.sessions / "s")
    code = "import os; kept = [1]; open('f', 'w').write('x'); os.getuid()"
    uid = (await run(kernel, code)).value
    await run(kernel, "import subprocess; child = subprocess.Popen(['sleep', '600'])")
    await run(kernel, "subprocess.run(['sh', '-c', '(sh -c \"sleep 600\" &)'])")
    left = [process for process in psutil.Process(kernel.pid).children(recursive=True) if not ended(process)]
    lost = (await kernel.snapshot()).lost
    kernel.kill()
    await kernel.wait_for_exit()
    await kernel.aclose()
    kernel = await kernels.launch("s", kernels.sessions / "s")
    return {"uid": int(uid), "lost": lost, "left": len(left), "value": (await run(kernel, "kept[0]")).value}


if __name__ == "__main__":
    main()

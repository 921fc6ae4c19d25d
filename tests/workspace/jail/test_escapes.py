"""No attempt of `attempts.py` may escape from the strongest level; what succeeds at weaker ones is documented."""

import ast
import asyncio
import os
import textwrap
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workspace.jail.handle import JailedKernel
from workspace.jail.kernels import JailedKernels
from workspace.jail.wire import Level

from . import world
from .attempts import ALL, KINDS, PRELUDE
from .driver import EndlessCellError, run
from .lend import elsewhere

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"
NOBODY = "65534"
NEEDLE = b"SERVER-MEMORY-NEEDLE"


@dataclass
class Scene:
    """A kernel that tries, another session, and the world."""

    kernel: JailedKernel
    other: JailedKernel
    world: world.World


async def set_up(kernels: JailedKernels, made: world.World) -> Scene:
    """Start the two kernels."""
    os.environ["JAIL_TEST_SECRET"] = world.SECRET
    other = await kernels.launch("other", kernels.sessions / "other")
    (other.folder / "secret.txt").write_text(world.SECRET, encoding="utf-8")
    await run(other, f"for p in ('/tmp', '/dev/shm'): open(p + '/other-secret', 'w').write({world.SECRET!r})")
    kernel = await kernels.launch("tries", kernels.sessions / "tries")
    return Scene(kernel, other, made)


async def succeeds(scene: Scene, kernels: JailedKernels, code: str) -> bool:
    """Whether one attempt succeeded, as it reports itself or as the world shows."""
    if not scene.kernel.alive:
        await scene.kernel.aclose()
        scene.kernel = await kernels.launch("tries", scene.kernel.folder)
    facts = {**scene.world.facts(), "OTHER_FOLDER": str(scene.other.folder), "OTHER_PID": scene.other.pid}
    lines = [f"{name} = {value!r}" for name, value in facts.items()]
    body = textwrap.indent(code.strip(), "        ")
    lines += [
        PRELUDE,
        "def attempt():",
        "    try:",
        body,
        "    except (OSError, RuntimeError, ValueError): pass",
    ]
    lines += ["print('OUT' if attempt() else 'held')"]
    try:
        cell = await run(scene.kernel, "\n".join(lines), seconds=10)
    except EndlessCellError:
        scene.kernel.kill()
        raise
    assert cell.died or cell.error or "held" in cell.text or "OUT" in cell.text
    return "OUT" in cell.text


@pytest.fixture(scope="module")
async def scene(kernels: JailedKernels, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("world")
    for path in (folder, folder.parent):
        path.chmod(0o755)
    with world.made(folder / "open", kernels.uid_of("tries")) as made:
        found = await set_up(kernels, made)
        yield found
        await found.kernel.aclose()
        await found.other.aclose()


async def test_there_are_enough_attempts_and_they_are_python() -> None:
    assert len(ALL) >= 60
    assert len(ALL) == sum(len(attempts) for attempts in KINDS.values())
    for code in ALL.values():
        ast.parse("def attempt():\n" + textwrap.indent(code.strip(), "    "))


@pytest.mark.parametrize("name", ALL)
async def test_the_strongest_jail_holds(name: str, scene: Scene, kernels: JailedKernels) -> None:
    if kernels.sandbox.level is not Level.FULL:
        pytest.skip(f"this machine allows {kernels.sandbox.level} only: {kernels.sandbox.missing}")
    assert not await succeeds(scene, kernels, ALL[name])
    assert scene.world.damage() == []
    assert scene.other.alive


# What docs/sandbox.md says about weaker levels, measured.
WEAKER: dict[str, set[str]] = {"namespaces": set(), "landlock": {"stat a file"}}


async def test_the_docs_count_the_same() -> None:
    table = await asyncio.to_thread(DOCS.read_text, encoding="utf-8")
    for kind, attempts in KINDS.items():
        let_out = [len(WEAKER[level] & attempts.keys()) for level in ("namespaces", "landlock")]
        assert f"| {kind} | {len(attempts)} | 0 | {let_out[0]} | {let_out[1]} | " in table


MACHINES = {
    "without Landlock": (["--level", "namespaces"], "namespaces"),
    "an ordinary user": (["--user", NOBODY], "full"),
    "root without user namespaces": (["--no-user-namespaces"], "full"),
    "root in an ordinary container": (["--no-user-namespaces", "--no-admin"], "landlock"),
    "an ordinary user without user namespaces": (["--no-user-namespaces", "--user", NOBODY], "landlock"),
}


@pytest.mark.parametrize("name", MACHINES)
async def test_other_machines_let_out_what_the_docs_say(name: str) -> None:
    arguments, level = MACHINES[name]
    report = await elsewhere(*arguments, "--attempts")
    assert report["level"] == level
    assert set(report["out"]) == WEAKER.get(level, set())

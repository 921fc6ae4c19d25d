"""A fork server shared by several services: it starts once, is replaced when it dies, and opens no folder to others."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end, ended
from workspace.jail.fork_server import ForkServer
from workspace.jail.settings import JailSettings
from workspace.settings import WorkspaceSettings
from workspace.workspaces import Workspaces

BARE = JailSettings(python_code_preload_libraries=())


@pytest.fixture
async def fork_server(tmp_path: Path) -> AsyncIterator[ForkServer]:
    made = ForkServer(BARE, tmp_path)
    yield made
    await made.aclose()


def workspaces_in(folder: Path, jail: JailSettings, fork_server: ForkServer | None) -> Workspaces:
    places = {"sessions": folder / "sessions", "snapshots": folder / "snapshots", "scratch": folder}
    return Workspaces(WorkspaceSettings(), jail, **places, max_file_bytes=1 << 20, fork_server=fork_server)


async def opened(stack: AsyncExitStack, folder: Path, fork_server: ForkServer | None) -> Workspaces:
    made = workspaces_in(folder, BARE, fork_server)
    await made.start(boot=False)
    stack.push_async_callback(made.aclose)
    return made


async def test_each_session_of_each_service_sees_its_own_folder_alone(tmp_path: Path, fork_server: ForkServer) -> None:
    async with AsyncExitStack() as stack:
        one, other = [await opened(stack, tmp_path / name, fork_server) for name in ("one", "other")]
        kernels = [(await house.open("s", "ann")).kernel for house in (one, other)]
        for number, kernel in enumerate(kernels):
            await kernel.run(f"x = {number}; open('mine-{number}', 'w').close()")
        for number, kernel in enumerate(kernels):
            assert (await kernel.run("import os; x, os.listdir('.')")).value == f"({number}, ['mine-{number}'])"
            assert (await kernel.run("os.listdir('/.sessions')")).status == "error"
        assert one.jail.fork_server_pid == other.jail.fork_server_pid == fork_server.zygote.pid
        assert one.jail.runtime == other.jail.runtime


async def test_it_outlives_the_services_and_their_kernels_do_not(tmp_path: Path, fork_server: ForkServer) -> None:
    async with AsyncExitStack() as stack:
        house = await opened(stack, tmp_path, fork_server)
        kernel = (await house.open("s", "ann")).kernel
        await kernel.run("1")
        assert kernel._process is not None
        process = psutil.Process(kernel._process.pid)
    assert ended(process)
    assert fork_server.zygote.alive
    async with AsyncExitStack() as stack:
        house = await opened(stack, tmp_path, fork_server)
        assert (await (await house.open("s", "ann")).kernel.run("1 + 1")).value == "2"


async def test_one_that_died_is_replaced_for_all(tmp_path: Path, fork_server: ForkServer) -> None:
    async with AsyncExitStack() as stack:
        houses = [await opened(stack, tmp_path / name, fork_server) for name in ("one", "other")]
        kernels = [(await house.open("s", "ann")).kernel for house in houses]
        for kernel in kernels:
            await kernel.run("x = 1")
        died = fork_server.zygote.pid
        family = [psutil.Process(died), *psutil.Process(died).children(recursive=True)]
        os.kill(died, signal.SIGKILL)
        await all_end(family)
        for kernel in kernels:
            assert (await kernel.run("1 + 1")).value == "2"
        assert fork_server.zygote.pid != died


async def test_a_service_without_one_has_its_own_and_ends_it(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = await opened(stack, tmp_path, None)
        with pytest.raises(LookupError, match="has not been started"):
            _ = house.jail.fork_server_pid
        await house.jail.boot()
        process = psutil.Process(house.jail.fork_server_pid)
        assert not ended(process)
    assert ended(process)


async def test_one_with_other_walls_or_libraries_is_refused(tmp_path: Path, fork_server: ForkServer) -> None:
    for change in ({"python_code_preload_libraries": ("json",)}, {"sandbox": "strict"}):
        with pytest.raises(ValueError, match="other walls or libraries"):
            await workspaces_in(tmp_path, BARE.model_copy(update=change), fork_server).start(boot=False)


async def test_a_folder_elsewhere_has_no_kernel(tmp_path: Path, fork_server: ForkServer) -> None:
    assert fork_server.relative(tmp_path / "one" / "s") == "one/s"
    for elsewhere in (tmp_path.parent / "s", tmp_path / ".." / "s", tmp_path):
        with pytest.raises(ValueError, match="is not in the subpath"):
            fork_server.relative(elsewhere)


async def test_before_the_machine_is_probed_nothing_is_started(tmp_path: Path, fork_server: ForkServer) -> None:
    with pytest.raises(LookupError, match="has not been probed"):
        await fork_server.running()

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from workspace.jail.handle import JailedKernel
from workspace.jail.kernels import JailedKernels
from workspace.jail.settings import JailSettings

SMALL = JailSettings(
    kernel_memory_mb=400,
    kernel_processes=64,
    kernel_file_mb=40,
    kernel_folder_mb=60,
    kernel_folder_files=2_000,
    kernel_output_kb=97,
    scratch_mb=16,
    message_mb=2,
    snapshot_mb=50,
    snapshot_share=0.4,
    snapshot_seconds=20,
    watch_seconds=0.05,
)


@pytest.fixture(scope="package")
async def kernels(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JailedKernels]:
    """Kernels with limits small enough to reach."""
    data = tmp_path_factory.mktemp("data")
    made = JailedKernels(SMALL, sessions=data / "sessions", snapshots=data / "snapshots", key=b"key")
    await made.start()
    yield made
    await made.aclose()


Launch = Callable[[str], Awaitable[JailedKernel]]


@pytest.fixture
async def launch(kernels: JailedKernels, numbers: "itertools.count[int]") -> AsyncIterator[Launch]:
    """Starts kernels by session, a different one in each test; they end with the test."""
    started: list[JailedKernel] = []
    prefix = f"t{next(numbers)}-"

    async def start(session: str = "s") -> JailedKernel:
        name = prefix + session
        kernel = await kernels.launch(name, kernels.sessions / name)
        started.append(kernel)
        return kernel

    yield start
    for kernel in started:
        await kernel.aclose()


@pytest.fixture(scope="package")
def numbers() -> "itertools.count[int]":
    return itertools.count()


@pytest.fixture
async def kernel(launch: Launch) -> JailedKernel:
    return await launch("s")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything in this folder, so that the fast tests can skip it."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.jail)

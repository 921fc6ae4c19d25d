"""Tasks that `benchmarks.files` runs in workers."""

from pathlib import Path

from tools.files import registry


def peak_of(path: Path, question: str) -> int:
    """In a worker: read the file; returns the bytes of additional memory."""
    before = _memory("VmRSS")
    if question == "sections":
        registry.sections(path)
    else:
        registry.profile(path)
    return max(0, _memory("VmHWM") - before)


def nothing() -> None:
    """An empty task, to measure the overhead."""


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

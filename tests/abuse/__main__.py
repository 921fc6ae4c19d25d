"""`python -m tests.abuse [NAME …]`: runs all attacks, or those whose names or groups are given; prints Markdown.

Latencies are the median and the 95th percentile in ms, of `/health` the maximum. `late` is how late the witness itself
was woken up, because the machine was busy, and `loop` how long the event loop was blocked at most. Memory is before, at
the peak of, and after an attack in MB, disk at its peak and after it. `--list` prints what each attack does.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.abuse.arena import Arena, Figures, Latency, arena
from tests.abuse.attacks import ATTACKS, Attack
from tests.abuse.witness import LAG

REQUESTS = ("chat", "stream", "compute", "list")
COLUMNS = ("attack", *REQUESTS, "health", "late", "memory", "disk", "loop", "attacker got", "faults")


def _latency(latency: Latency | None) -> str:
    return f"{latency.p50 * 1000:.0f}/{latency.p95 * 1000:.0f}" if latency else "-"


def row(figures: Figures, quiet: dict[str, Latency]) -> str:
    latency, before, peak, after = figures.latency, figures.before, figures.peak, figures.after
    assert before is not None
    assert peak is not None
    assert after is not None
    health = latency.get("health")
    cells = [
        figures.attack.name,
        *(_latency(latency.get(kind)) for kind in REQUESTS),
        f"{health.most * 1000:.0f}" if health else "-",
        f"{latency[LAG].most * 1000:.0f}" if LAG in latency else "-",
        f"{before.memory >> 20}/{peak.memory >> 20}/{after.memory >> 20}",
        f"{peak.disk >> 20}/{after.disk >> 20}",
        f"{max((int(block.partition(' ')[0]) for block in figures.blocks), default=0)}",
        " ".join(f"{status}×{count}" for status, count in figures.answers.most_common(6)),
        "; ".join(figures.faults(quiet)),
    ]
    return "| " + " | ".join(cells) + " |"


async def main(names: Sequence[str]) -> int:
    if "--list" in names:
        for attack in ATTACKS:
            _tell(f"{attack.group:<14} {attack.name:<38} {attack.words}")
        return 0
    chosen = [attack for attack in ATTACKS if not names or attack.name in names or attack.group in names]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        async with arena(Path(folder) / "service") as ring:
            _tell("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
            quiet = " | ".join(_latency(ring.quiet.get(kind)) for kind in REQUESTS)
            health, memory = ring.quiet["health"].most * 1000, ring.base.memory >> 20
            _tell(f"| (none) | {quiet} | {health:.0f} | - | {memory} | | | | |")

            for attack in chosen:
                failed += await _attempt(ring, attack)
    return min(failed, 1)


async def _attempt(ring: Arena, attack: Attack) -> int:
    figures = await ring.attempt(attack)
    _tell(row(figures, ring.quiet))
    for block in figures.blocks:
        sys.stderr.write(f"{figures.attack.name}: blocked {block}\n\n")
    return len(figures.faults(ring.quiet))


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))

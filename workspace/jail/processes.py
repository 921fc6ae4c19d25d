"""Child processes, as Linux lists them."""

from pathlib import Path


def children_of(process: int | str) -> list[int]:
    """The IDs of the children of a process, by its ID or `self`. A thread that ends meanwhile is left out.

    Raises FileNotFoundError or ProcessLookupError if there is no such process.
    """
    found: list[int] = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        try:
            found += [int(pid) for pid in (thread / "children").read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found

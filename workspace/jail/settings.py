"""What a kernel may use, and how kernels are made."""

from dataclasses import dataclass
from typing import Literal

SandboxMode = Literal["strict", "auto", "off"]

_MB = 1 << 20


@dataclass(frozen=True)
class JailSettings:
    """Limits are per kernel. Sizes are in bytes, times in seconds."""

    sandbox: SandboxMode = "auto"
    """`strict`: refuse to start unless every wall stands. `auto`: the strongest set of walls that confines a
    kernel to its folder; refuse when there is none. `off`: no walls, only resource limits; any code can do
    what the server can."""

    preload: tuple[str, ...] = ("numpy", "pandas", "matplotlib.pyplot")
    """Modules that every kernel has imported before it starts. One that is missing is logged and left out."""

    memory: int = 2048 * _MB
    """Memory of all processes of a kernel together, shared pages counted in proportion."""

    processes: int = 128
    """Processes and threads; the kernel itself needs about ten."""

    cpu_seconds: int = 3600
    """Processor time of one process over its life; a kernel that spent it is replaced and gets its variables
    back.
    """

    open_files: int = 1024
    """Descriptors of one process."""

    file_size: int = 512 * _MB
    """The largest single file."""

    folder_size: int = 1024 * _MB
    """All files of the session's folder together."""

    folder_files: int = 10_000
    """Files and folders in the session's folder."""

    scratch_size: int = 64 * _MB
    """Size of the kernel's own `/tmp`, and of its `/dev/shm`; both count as memory."""

    output_size: int = 1 * _MB
    """Text that one cell may print, and text of one displayed value; the rest is cut with a note."""

    message_size: int = 8 * _MB
    """The largest message that the server accepts from a kernel, pictures included."""

    snapshot_variable_size: int = 512 * _MB
    """A larger variable is not kept, and reported."""

    snapshot_size: int = 2048 * _MB
    """All kept variables of a session together."""

    snapshot_seconds: float = 60.0
    """A save or a restore that takes longer is given up."""

    start_seconds: float = 30.0
    """Time for a kernel to become ready, and for the fork server to boot."""

    watch_seconds: float = 0.25
    """How often memory and folders are measured."""

    first_uid: int = 40_000
    """When the server is root, a session's kernel runs as one of the users from here on, chosen by its name.
    """

    uids: int = 20_000
    """How many such users there are. Nothing else on the machine should use them."""

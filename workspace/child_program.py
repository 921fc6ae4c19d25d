"""`python -I child_program.py PARENT FILE|-m MODULE [ARGUMENT …]`: a program that ends with its parent process.

For programs of other people that the service starts: if the service is killed, nobody else ends them.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 1.0


def command(*arguments: str) -> list[str]:
    """The command line for `python ARGUMENTS`, in isolated mode, bound to this process."""
    return [sys.executable, "-I", str(Path(__file__).resolve()), str(os.getpid()), *arguments]


def bind(parent: int) -> None:
    """End this process when `parent` ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_poll, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _poll(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    bind(int(sys.argv[1]))
    if sys.argv[2] == "-m":
        module, sys.argv = sys.argv[3], sys.argv[3:]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        program, sys.argv = sys.argv[2], sys.argv[2:]
        runpy.run_path(program, run_name="__main__")

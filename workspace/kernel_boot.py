"""What runs in a kernel's process: an ordinary ipykernel that dies with the service.

Started as `python -m workspace.kernel_boot -f <connection file>`; what to preload stands in the environment.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ipykernel.kernelapp import IPKernelApp

PRELOAD = "LLM_API_PRELOAD"
SHORT_NAMES = {"pandas": "pd", "numpy": "np", "matplotlib.pyplot": "plt", "seaborn": "sns"}
PR_SET_PDEATHSIG = 1
MAX_VARIABLES = 40
MAX_DETAIL = 100


def die_with_parent() -> None:
    """Ask Linux to kill this process with the one that started it, also when that one is killed by force."""
    if sys.platform != "linux":
        return  # ipykernel's own watch on its parent has to do
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def describe(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> str:
    """The user's variables as JSON: `[[name, type, detail], …]`, newest last."""
    rows = []
    for name, value in list(namespace.items()):
        if name.startswith("_") or name in hidden or isinstance(value, ModuleType):
            continue
        rows.append([name, type(value).__name__, _detail(value)])
    return json.dumps(rows[-MAX_VARIABLES:])


def _detail(value: Any) -> str:
    columns = getattr(value, "columns", None)
    shape = getattr(value, "shape", None)
    if columns is not None and isinstance(shape, tuple):
        return f"{shape[0]} rows, columns {[str(c) for c in columns[:20]]}"[:400]
    if isinstance(shape, tuple):
        return f"shape {shape}"
    if isinstance(value, (list, tuple, set, dict)):
        return f"{len(value)} items"
    if isinstance(value, (int, float, bool, str, complex)) or value is None:
        return repr(value)[:MAX_DETAIL]
    return ""


def main() -> None:
    die_with_parent()
    app = IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    preloaded = {}
    for name in filter(None, os.environ.pop(PRELOAD, "").split(",")):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            app.log.warning("cannot preload %s: %s", name, error)
            continue
        preloaded[SHORT_NAMES.get(name, name.partition(".")[0])] = module
    shell = app.shell
    shell.push(preloaded, interactive=False)
    shell.describe_variables = lambda: describe(shell.user_ns, shell.user_ns_hidden)
    app.start()


if __name__ == "__main__":
    main()

"""Finds out which modules a kernel's first cells import lazily, by running some in a throw-away process."""

import json
import os
import shutil
import sys
import tempfile
import traceback

from .wire import CHANNELS

# Typical first cells, by the library that must be preloaded for the rehearsal to be useful.
_CODE = {
    "numpy": "import numpy as np; repr(np.arange(3)); np.random.default_rng(1).normal(size=3)",
    "pandas": """
import pandas as pd
frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
repr(frame), frame._repr_html_(), frame.describe(), frame.groupby("b").sum()
""",
    "matplotlib.pyplot": """
import io, matplotlib.pyplot as plt
plt.plot([1]); plt.gcf().savefig(io.BytesIO()); plt.close("all")
""",
}


def lazily_imported(scratch: str) -> list[str]:
    """Names of the modules that a kernel has imported and this process has not, in order of their import.

    Forks, so the caller must be single-threaded. `scratch` is a writable folder. A failed rehearsal only costs speed:
    its results are lost and the reason is printed.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        try:
            with os.fdopen(send, "w", encoding="utf-8") as found:
                json.dump(_rehearse(scratch), found)
        finally:  # the copy must never return to its caller
            if sys.exc_info()[0] is not None:
                traceback.print_exc(file=sys.__stderr__)
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, encoding="utf-8") as found:
        text = found.read()
    os.waitpid(child, 0)
    return [str(name) for name in json.loads(text or "[]")]


def _rehearse(scratch: str) -> list[str]:
    from .inside import app, state  # noqa: PLC0415

    before = set(sys.modules)
    folder = tempfile.mkdtemp(dir=scratch)
    os.chdir(folder)
    kernel_app = app.prepare()
    ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
    connection = {
        "transport": "ipc",
        "ip": f"{folder}/s",
        "key": "k",
        "signature_scheme": "hmac-sha256",
        **ports,
    }
    app.start(kernel_app, app.Wiring(connection, {}, 10_000, 1 << 20))
    namespace = kernel_app.kernel.shell.user_ns
    for library, code in _CODE.items():
        if library in before:
            kernel_app.kernel.shell.run_cell(code)
    state.rehearse(namespace)
    shutil.rmtree(folder, ignore_errors=True)
    return [name for name, module in sys.modules.items() if name not in before and getattr(module, "__spec__", None)]

"""Starts the fork server of `tools/workers/pool.py`. Executed by its path: `main.py CONTROL_FD [MODULE …]`."""

import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    # `tools/__init__.py` imports every tool with its libraries, which workers do not need.
    package = ModuleType("tools")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["tools"] = package
    from tools.workers.server import main

    main()

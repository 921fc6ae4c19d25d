"""A stock Jupyter kernel as a Python tool for other harnesses. Runs in the peers' own venv."""

import re
from pathlib import Path

from jupyter_client.manager import start_new_kernel

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SECONDS = 60
MAX_OUTPUT = 4000


class Python:
    """Variables persist between calls."""

    def __init__(self, folder: Path) -> None:
        self._manager, self._client = start_new_kernel(kernel_name="python3", cwd=str(folder))
        self.runs = 0

    def run(self, code: str) -> str:
        """Returns what it printed, the value of its last line, or its error."""
        self.runs += 1
        said: list[str] = []

        def hear(message: dict) -> None:  # type: ignore[type-arg]
            content = message["content"]
            if message["msg_type"] == "stream":
                said.append(content["text"])
            elif message["msg_type"] == "execute_result":
                said.append(content["data"].get("text/plain", ""))
            elif message["msg_type"] == "error":
                said.append(_COLOUR.sub("", "\n".join(content["traceback"][-3:])))

        try:
            self._client.execute_interactive(code, timeout=SECONDS, output_hook=hear)
        except TimeoutError:
            self._manager.interrupt_kernel()
            said.append(f"stopped after {SECONDS} seconds")
        return "".join(said)[:MAX_OUTPUT] or "(no output)"

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

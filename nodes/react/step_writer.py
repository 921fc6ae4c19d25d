"""Writes the steps of a turn as thoughts that a person can read: words, the program or call, its result."""

import re
from collections.abc import Mapping

from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from nodes.events import ThoughtDelta
from nodes.state import Action, Context, Step
from tools.agent_tool import program_tool_of, purposes_of
from tools.coding.observation import cut_middle

MAX_OUTPUT, MAX_FOUND = 1000, 500
"""Maximum characters of a program's output, and of what another tool returned."""
MAX_INPUT = 200
"""Maximum characters of another tool's input."""
_TICKS = re.compile(r"`{3,}")


class StepWriter:
    """Write the words and the program as they come, then call `close` with the action, if there is one."""

    def __init__(self, runtime: Runtime[Context]) -> None:
        self._emit = runtime.stream_writer
        self._tools = runtime.context.tools
        self._step = runtime.context.plan_step
        self._at_start = True
        """Whether the next character begins a line."""
        self._code: str | None = None

    def words(self, text: str) -> None:
        """A whole thought."""
        if text.strip():
            self._line(text.strip("\n"))

    def code(self, piece: str) -> None:
        """A piece of a program."""
        if self._code is None:
            self._code = ""
            piece = piece.lstrip("\n")
            self._line("```python")
        if piece:
            self._code += piece
            self._write(piece)

    def close(self, action: Action | None = None) -> None:
        """Complete the program, or name the call."""
        if action is None or action["tool"] != program_tool_of(self._tools):
            self._end_code()
            if action is not None:
                self._line(described(action, self._tools))
            return
        program = action["input"].strip("\n")
        written = self._code
        if written is not None and program.startswith(written):
            self._write(program[len(written) :])
        self._end_code()
        if written is None or not program.startswith(written.rstrip()):
            self._line(fenced(program, "python"))

    def _end_code(self) -> None:
        if self._code is not None:
            self._line("```")
            self._code = None

    def _line(self, text: str) -> None:
        """A line or more of their own."""
        self._write(text + "\n" if self._at_start else f"\n{text}\n")

    def _write(self, text: str) -> None:
        if text:
            self._at_start = text.endswith("\n")
            self._emit(ThoughtDelta(text, self._step))


def described(action: Action, tools: Mapping[str, BaseTool]) -> str:
    """What is called with what, in one line."""
    purpose = purposes_of(tools).get(action["tool"])
    activity = purpose.activity if purpose is not None else ""
    given = " ".join(action["input"].split())
    short = given if len(given) <= MAX_INPUT else f"{given[:MAX_INPUT]}…"
    return f"{activity or 'Calling ' + action['tool']}: {short if short.startswith('{') else _quoted(short)}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def result_of(step: Step, tools: Mapping[str, BaseTool]) -> str:
    """The result of a step, cut if it is long."""
    limit = MAX_OUTPUT if step["tool"] == program_tool_of(tools) else MAX_FOUND
    return f"{fenced(cut_middle(step['observation'].strip(), limit))}\n\n"


def fenced(text: str, language: str = "") -> str:
    """In a fence that is longer than those inside."""
    ticks = "`" * max([3, *(len(run) + 1 for run in _TICKS.findall(text))])
    return f"{ticks}{language}\n{text}\n{ticks}"

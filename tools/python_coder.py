"""Runs the model's Python in the session's kernel and says what happened in the words that a model needs."""

import asyncio
import contextlib
from typing import Literal

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import override

from tools.code_check import refusal
from tools.errors import ToolFailed, ToolRetry, ToolSilent
from tools.kit import OnOutput, ToolKit
from tools.repair import repaired
from tools.results import Extras
from tools.staging import named_files
from workspace.errors import KernelStartError
from workspace.library import Library
from workspace.output import CellResult
from workspace.session import SessionWorkspace

NAME = "python_coder"
DESCRIPTION = (
    "runs Python in a session that remembers variables and returns what is printed. "
    "pandas (pd), numpy (np) and matplotlib (plt) are imported. There is no internet."
)
MAX_STDERR = 1000
MAX_OBSERVATION = 4000
"""Characters of output that the model is shown; the middle of longer output is left out."""
LOST = "Note: Python was restarted before this program ran. These variables could not be kept: {names}."
TOO_SLOW = (
    "The program ran for more than {seconds:.0f} seconds and was stopped. Use a much faster method: a loop or a "
    "formula instead of recursion, vectorised operations instead of loops, or less data."
)
DIED = (
    "Python itself ended while the program ran{why}. What this program had defined is gone; earlier variables are kept."
)
SILENT = "The program ran but printed nothing. print() the values that are asked for."


class PythonCoderInput(BaseModel):
    """Input of `python_coder`."""

    code: str = Field(min_length=1, max_length=100_000, description="A complete Python program.")

    @field_validator("code")
    @classmethod
    def _is_text(cls, code: str) -> str:
        code.encode()  # half of a surrogate pair is no text; UnicodeEncodeError is a ValueError
        return code


INPUT: type[BaseModel] = PythonCoderInput


class PythonCoder(BaseTool):
    """The observation is what the program printed; raises `ToolRetry` when the program has to be mended."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = NAME
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    workspace: SessionWorkspace
    library: Library | None = None
    on_output: OnOutput | None = None

    @override
    def _run(self, code: str) -> tuple[str, Extras]:
        raise ToolFailed("python_coder only runs asynchronously")

    @override
    async def _arun(self, code: str) -> tuple[str, Extras]:
        code, why = await asyncio.to_thread(_looked_over, code)
        if why is not None:
            raise ToolRetry(why)
        await self._stage(code)
        try:
            result = await self.workspace.kernel.run(code, on_output=self.on_output)
        except KernelStartError as error:
            raise ToolFailed(str(error)) from error
        text = observation(result)
        if result.status != "ok":
            raise ToolRetry(text, result.new_files)
        if not text.strip():
            raise ToolSilent(SILENT)
        return text, Extras(files=result.new_files)

    async def _stage(self, code: str) -> None:
        """Lay copies of the user's own files that the program names into the session's folder."""
        if self.library is None:
            return
        files = [file.name for file in await self.library.files()]
        for name in await asyncio.to_thread(named_files, code, files):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile: the program will say so
                await self.library.stage(name, self.workspace.folder)


def _looked_over(code: str) -> tuple[str, str | None]:
    code = repaired(code)
    return code, refusal(code)


def build(kit: ToolKit) -> PythonCoder:
    """The tool of one session."""
    return PythonCoder(workspace=kit.workspace, library=kit.library, on_output=kit.on_output)


def observation(result: CellResult) -> str:
    """Output, the last value, the error with its line, new files; cut in the middle when long."""
    parts = []
    if result.lost:
        names = "; ".join(f"{name} ({reason})" for name, reason in list(result.lost.items())[:20])
        parts.append(LOST.format(names=names))
    parts.append(result.stdout.strip())
    if result.value is not None and result.value != "None":
        parts.append(result.value)
    if result.status == "timeout":
        parts.append(TOO_SLOW.format(seconds=result.seconds))
    elif result.status == "died":
        parts.append(DIED.format(why=f": {result.why_died}" if result.why_died else ""))
    elif result.error is not None:
        parts.append(result.error.short())
    if result.stderr.strip() and (result.status != "ok" or not any(parts)):
        parts.append(cut_middle(result.stderr.strip(), MAX_STDERR))
    if result.new_files:
        parts.append("New files: " + ", ".join(result.new_files[:20]))
    return cut_middle("\n".join(part for part in parts if part), MAX_OBSERVATION)


def cut_middle(text: str, limit: int) -> str:
    """At most about `limit` characters, whole lines from both ends."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-limit // 2 :]
    head = head.rpartition("\n")[0] or head
    tail = tail.partition("\n")[2] or tail
    return f"{head}\n… [{len(text) - len(head) - len(tail)} characters left out] …\n{tail}"

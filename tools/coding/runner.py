"""Runs a program in the session's kernel: checked, with the files that it names, and with its result described."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TypedDict

from tools.coding.advice import ErrorContext
from tools.coding.code_check import refusal
from tools.coding.missing_read import missing_read
from tools.coding.observation import SILENT, observation
from tools.coding.repair import repaired
from tools.coding.staging import copies
from tools.coding.table_reads import reads_tables, with_described_reads
from tools.coding.tables import tables_at_hand
from tools.errors import ToolFailed
from tools.kit import ToolKit
from workspace.errors import BadNameError, KernelStartError

READ_FIRST = "Note: df was not there, so this line was run first: "
READ_AS_DESCRIBED = "Note: the file was read as its description says: "


class Attempt(TypedDict):
    """A program and its result. `error` is None, or `refused`, `failed` or `silent`."""

    code: str
    output: str
    error: str | None
    files: list[str]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs of one session."""

    kit: ToolKit

    async def check(self, code: str) -> tuple[str, str | None]:
        """The program with small mistakes repaired, and why it must not run, if so."""
        return await asyncio.to_thread(_looked_over, code)

    async def run(self, code: str) -> Attempt:
        """Run a checked program. Raises `ToolFailed` if no kernel is available."""
        await self._stage(code)
        read = await missing_read(self.kit, code)
        notes = [f"{READ_FIRST}{read}\n"] if read is not None else []
        if read is not None:
            code = f"{read}\n{code}"
        code, described = await self._with_described_reads(code)
        notes += [f"{READ_AS_DESCRIBED}{call}\n" for call in described]
        try:
            result = await self.kit.workspace.kernel.run(code, on_output=self.kit.on_output)
        except KernelStartError as error:
            raise ToolFailed(str(error)) from error
        context = await self._error_context(code) if result.error is not None else None
        text, files = observation(result, context), list(result.new_files)
        if text.strip():
            text = "".join(notes) + text
        if result.status != "ok":
            return Attempt(code=code, output=text, error="failed", files=files)
        if not text.strip():
            return Attempt(code=code, output=SILENT, error="silent", files=files)
        return Attempt(code=code, output=text, error=None, files=files)

    async def _error_context(self, code: str) -> ErrorContext:
        files = [info.name for info in await self.kit.workspace.files()]
        variables = frozenset(variable.name for variable in await self.kit.workspace.kernel.variables())
        return ErrorContext(files, await tables_at_hand(self.kit), code, variables)

    async def _with_described_reads(self, code: str) -> tuple[str, list[str]]:
        """The program with the files' own calls for its tables, and these calls."""
        if not reads_tables(code):
            return code, []
        return await asyncio.to_thread(with_described_reads, code, await tables_at_hand(self.kit))

    async def _stage(self, code: str) -> None:
        """Copy the files that the program names to the session's folder, under the names that it uses."""
        workspace, library = self.kit.workspace, self.kit.library
        own = {info.name for info in await workspace.files()}
        uploads = {info.name for info in await library.files()} if library is not None else set()
        for copy in await asyncio.to_thread(copies, code, own, uploads):
            with contextlib.suppress(OSError, BadNameError):  # the program will report that it is not there
                if library is not None and copy.is_upload:
                    await library.stage(copy.name, workspace.folder, copy.spelled)
                else:
                    await workspace.copy_file(copy.name, copy.spelled)


def without_note(output: str) -> str:
    """The output of the program itself."""
    while output.startswith((READ_FIRST, READ_AS_DESCRIBED)):
        output = output.partition("\n")[2]
    return output


def _looked_over(code: str) -> tuple[str, str | None]:
    code = repaired(code)
    return code, refusal(code)

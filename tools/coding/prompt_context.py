"""What a program may use: existing variables, and files with their columns."""

import asyncio
from collections.abc import Sequence

from tools.errors import ToolFailed
from tools.files.joins import links
from tools.files.reader import Brief, tables_of
from tools.kit import ToolKit
from tools.session_files import staged
from workspace.errors import WorkspaceError
from workspace.jail.variables import HIDDEN_TYPES, Variable
from workspace.names import inside
from workspace.session import SessionWorkspace

MAX_VARIABLES = 30
MAX_FILES = 8
GONE = "Variables of earlier programs that do not exist any more; load or compute again what you need:"


async def variables_at_hand(workspace: SessionWorkspace) -> str:
    """A line per variable: name, type, size, and more if known; then those that are gone. Empty if there are none."""
    variables = await workspace.kernel.variables()
    gone = await workspace.kernel.gone_variables(variables)
    told = [_told(variable) for variable in variables if variable.type not in HIDDEN_TYPES]
    parts = []
    if told:
        parts += ["Variables that exist already:", *told[-MAX_VARIABLES:]]
    if gone:
        parts += [GONE, *(_told(variable) for variable in gone[-MAX_VARIABLES:])]
    return "\n".join(parts)


def _told(variable: Variable) -> str:
    size = f"shape {variable.shape}" if variable.shape.startswith("(") else variable.shape and f"{variable.shape} items"
    return " ".join(part for part in (f"- {variable.name} ({variable.type})", size, variable.detail) if part)


async def files_at_hand(kit: ToolKit, names: Sequence[str]) -> str:
    """The named files, copied to the session's folder and described; the session's newest if none are named.

    Raises `ToolFailed` for a missing file.
    """
    there = [info.name for info in await kit.workspace.files()]
    meant = [await _in_folder(kit, name, there) for name in names]
    asked = (meant or there)[-MAX_FILES:]
    briefs = {name: await _brief(kit, name) for name in asked}
    lines = [brief.text for brief in briefs.values()] + links(tables_of(briefs))
    return "Files in the working folder:\n" + "\n".join(lines) if lines else ""


async def _in_folder(kit: ToolKit, asked: str, there: Sequence[str]) -> str:
    """The name of the file that is meant, which is then in the session's folder."""
    name = await staged(asked, there, kit.workspace, kit.library)
    if name is None:
        raise ToolFailed(f"There is no file named {asked!r} in this session or among the user's files.")
    return name


async def _brief(kit: ToolKit, name: str) -> Brief:
    if kit.reader is None:
        return Brief(f"- {name}")
    try:
        path = await asyncio.to_thread(inside, kit.workspace.folder, name)
    except WorkspaceError as error:  # a link that leads outside of the folder
        raise ToolFailed(f"There is no file named {name!r} in this session.") from error
    return await kit.reader.brief(path, name)

"""Finds the file that a person or a model names."""

from collections.abc import Iterable

from workspace.errors import WorkspaceError
from workspace.library import Library
from workspace.names import Names
from workspace.session import SessionWorkspace


async def staged(asked: str, own: Iterable[str], workspace: SessionWorkspace, library: Library | None) -> str | None:
    """The name of the file that is meant, which is then in the session's folder: one of the session's `own`, or a copy
    of an upload. None if there is none.
    """
    if (name := Names(own).similar(asked)) is not None:
        return name
    if library is None:
        return None
    name = Names(info.name for info in await library.files()).similar(asked)
    if name is None:
        return None
    try:
        await library.stage(name, workspace.folder)
    except (FileNotFoundError, WorkspaceError):  # it was deleted or replaced at this moment
        return None
    return name

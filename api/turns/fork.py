"""A fork: a session of its own that begins where a turn of another one ended. The other one keeps all its turns."""

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig

from api.errors import not_found
from api.services import Services
from checkpoints.sessions import Session
from checkpoints.turns import Turn
from workspace.folder_copy import copy_files

KEPT = ("messages", "summaries", "condensed")
"""What of a thread's state belongs to the conversation and not to its last turn."""


async def fork(turn: Turn, source: Session, services: Services) -> Session:
    """A new session of the same owner, with the state of `turn`'s checkpoint and the files as of then.

    Its Python starts anew. Raises 404 when the source goes meanwhile, `FileTooLargeError` when its files are too
    large to be copied; then nothing is left of the fork.
    """
    store = services.store
    session = await store.sessions.create(source.owner, source.title)
    complete = False
    try:
        messages = await _copy_thread(turn, session, services)
        await _copy_files(turn, source, session, messages, services)
        await store.sessions.said(session.id, [message.text for message in messages])
        begun = await store.turns.begin(session.id, session.owner, turn.fingerprint, turn.instructions)
        await (store.turns.finish(begun, turn.fingerprint) if turn.state == "done" else store.turns.cut(begun))
        complete = True
    finally:
        if not complete:
            await discard(session, services)
    return session


async def discard(session: Session, services: Services) -> None:
    """Leave nothing of a session that came to nothing."""
    await services.workspaces.discard(session.id)
    await services.store.saver.adelete_thread(session.id)
    await services.store.sessions.wipe(session.id)
    await services.store.sessions.delete(session.id)


async def _copy_thread(turn: Turn, session: Session, services: Services) -> Sequence[AnyMessage]:
    there: RunnableConfig = {
        "configurable": {"thread_id": turn.session, "checkpoint_ns": "", "checkpoint_id": turn.checkpoint}
    }
    values: dict[str, Any] = (await services.graph.aget_state(there)).values
    messages: Sequence[AnyMessage] = values.get("messages", [])
    if not messages:
        raise not_found("turn")
    here: RunnableConfig = {"configurable": {"thread_id": session.id}}
    kept = {name: values[name] for name in KEPT if name in values}
    await services.graph.aupdate_state(here, kept, as_node="record")
    return messages


async def _copy_files(
    turn: Turn, source: Session, session: Session, messages: Sequence[AnyMessage], services: Services
) -> None:
    named = {name for message in messages for name in _named(message)}
    workspace = await services.workspaces.open(session.id, session.owner)
    await asyncio.to_thread(
        copy_files,
        services.workspaces.folder(source.id),
        workspace.folder,
        named=named,
        until=turn.created,
        max_bytes=services.settings.jail.folder_size,
    )


def _named(message: AnyMessage) -> list[str]:
    """The files that came with a question, and those that an answer's steps made."""
    extra = message.additional_kwargs
    made = [ref["filename"] for step in extra.get("steps", []) for ref in step["artifacts"]]
    return [*extra.get("files", []), *made]

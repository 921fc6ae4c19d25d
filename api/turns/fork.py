"""A fork: a new session that starts where a turn of another session ended. The original keeps all its turns."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from api.errors import not_found
from checkpoints.sessions import Session
from checkpoints.store import Store
from checkpoints.turns import StoredTurn
from nodes.model.conversation import own_words
from workspace.folder_copy import copy_files
from workspace.workspaces import Workspaces

_NAME = re.compile(r"[^\W\d]\w*")
KEPT = ("messages", "summaries", "condensed")
"""The part of a thread's state that belongs to the conversation, not to its last turn."""


@dataclass(frozen=True, slots=True)
class Forks:
    """Creates forks. `max_bytes` limits the copied files."""

    store: Store
    workspaces: Workspaces
    graph: CompiledStateGraph[Any, Any, Any, Any]
    max_bytes: int

    async def make(self, turn: StoredTurn, source: Session) -> Session:
        """A new session of the same owner, with the state of `turn`'s checkpoint and the files as of then.

        It starts with a new Python kernel, whose programs are told which variables are gone. Raises 404 if the source
        is deleted in the meantime, `FileTooLargeError` if its files are too large to copy; the fork is then removed.
        """
        store = self.store
        session = await store.sessions.create(source.owner, source.title)
        complete = False
        try:
            messages = await self._copy_thread(turn, session)
            await self._copy_files(turn, source, session, messages)
            await self.workspaces.note_gone(session.id, source.id, but=await self._later_names(source, messages))
            await store.sessions.said(session.id, [own_words(message) for message in messages])
            begun = await store.turns.begin(session.id, session.owner, turn.fingerprint, turn.instructions)
            await (store.turns.finish(begun, turn.fingerprint) if turn.state == "done" else store.turns.cut(begun))
            complete = True
        finally:
            if not complete:
                await self.discard(session)
        return session

    async def discard(self, session: Session) -> None:
        """Delete an unused session completely."""
        await self.workspaces.discard(session.id)
        await self.store.saver.adelete_thread(session.id)
        await self.store.sessions.wipe(session.id)
        await self.store.sessions.delete(session.id)

    async def discard_unused(self, session: Session) -> None:
        """Delete a session completely, unless another request has begun to use it."""
        if await self.store.sessions.delete_unused(session.id):
            await self.discard(session)

    async def _copy_thread(self, turn: StoredTurn, session: Session) -> Sequence[AnyMessage]:
        there: RunnableConfig = {
            "configurable": {"thread_id": turn.session, "checkpoint_ns": "", "checkpoint_id": turn.checkpoint}
        }
        values: dict[str, Any] = (await self.graph.aget_state(there)).values
        messages: Sequence[AnyMessage] = values.get("messages", [])
        if not messages:
            raise not_found("turn")
        here: RunnableConfig = {"configurable": {"thread_id": session.id}}
        kept = {name: values[name] for name in KEPT if name in values}
        await self.graph.aupdate_state(here, kept, as_node="record")
        return messages

    async def _copy_files(
        self, turn: StoredTurn, source: Session, session: Session, messages: Sequence[AnyMessage]
    ) -> None:
        workspace = await self.workspaces.open(session.id, session.owner)
        await asyncio.to_thread(
            copy_files,
            self.workspaces.folder(source.id),
            workspace.folder,
            named={name for message in messages for name in _named(message)},
            until=turn.created,
            max_bytes=self.max_bytes,
        )

    async def _later_names(self, source: Session, kept: Sequence[AnyMessage]) -> set[str]:
        """Names that occur only in programs after the fork's last message."""
        config: RunnableConfig = {"configurable": {"thread_id": source.id}}
        messages: Sequence[AnyMessage] = (await self.graph.aget_state(config)).values.get("messages", [])
        return _names(messages[len(kept) :]) - _names(kept)


def _names(messages: Sequence[AnyMessage]) -> set[str]:
    """The identifiers in the programs of the answers' steps."""
    steps = [step for message in messages for step in message.additional_kwargs.get("steps", [])]
    return {name for step in steps for name in _NAME.findall(step["input"])}


def _named(message: AnyMessage) -> list[str]:
    """The files attached to a question, or created by an answer's steps."""
    extra = message.additional_kwargs
    made = [ref["filename"] for step in extra.get("steps", []) for ref in step["artifacts"]]
    return [*extra.get("files", []), *made]

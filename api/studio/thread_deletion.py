"""Deletes the folder, the variables and the kernel of a thread together with the thread.

LangGraph's server has no hook for deletions, and threads are deleted in several ways: one by one, with their assistant,
or by pruning. So the threads that exist before and after such a request are compared.
"""

from typing import Protocol

from langgraph_sdk import get_client
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Sessions(Protocol):
    """The sessions of all threads."""

    async def sessions(self) -> list[str]:
        """The IDs of the sessions that have anything on disk."""

    async def discard(self, session: str) -> None:
        """Delete everything of the session."""


class ThreadDeletion:
    """ASGI middleware around LangGraph's own routes. The response is sent when everything is deleted."""

    def __init__(self, app: ASGIApp, studio: Sessions) -> None:
        self._app = app
        self._studio = studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_delete(scope):
            await self._app(scope, receive, send)
            return
        before = await self._threads()

        async def send_when_deleted(message: Message) -> None:
            if message["type"] == "http.response.start":
                for thread in before - await self._threads():
                    await self._studio.discard(thread)
            await send(message)

        await self._app(scope, receive, send_when_deleted)

    async def _threads(self) -> set[str]:
        """The existing threads that are sessions of this service."""
        ids = await self._studio.sessions()
        if not ids:
            return set()
        async with get_client() as client:
            threads = await client.threads.search(ids=ids, limit=len(ids), select=["thread_id"])
        return {str(thread["thread_id"]) for thread in threads}


def _may_delete(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return scope["method"] == "DELETE" or path.endswith("/prune")

"""The parts, put together once at start and taken apart in reverse at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph.state import CompiledStateGraph

from api.deletion import Deletions, OnDeleted
from api.intake import Intake
from api.runs import Runs
from api.settings import Settings
from api.uploads import OnChanged, Quota, Uploads
from checkpoints.store import Store, open_store
from checkpoints.users import User
from graph import MODES
from llm import BACKENDS
from tools.kit import OnOutput, ToolKit
from workspace.jail.probe import Sandbox
from workspace.library import Library
from workspace.session import SessionWorkspace
from workspace.settings import MIB
from workspace.workspaces import Workspaces

ModelFactory = Callable[[Settings], Awaitable[BaseChatModel]]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    model: BaseChatModel
    model_name: str
    store: Store
    workspaces: Workspaces
    graph: CompiledStateGraph[Any, Any, Any, Any]
    runs: Runs
    sandbox: Sandbox
    intake: Intake
    uploads: Uploads
    deletions: Deletions

    def library(self, user: str) -> Library:
        """The user's own files, by the user's id."""
        return library_of(self.settings, user)

    def quota(self, user: User) -> Quota:  # noqa: ARG002 (everybody's is the same)
        """What the user may keep."""
        return Quota(self.settings.user_storage_mb * MIB, self.settings.user_max_files)

    def tool_kit(self, workspace: SessionWorkspace, user: str, on_output: OnOutput | None = None) -> ToolKit:
        """What the tools of one session are given."""
        return ToolKit(workspace=workspace, library=self.library(user), on_output=on_output)


def library_of(settings: Settings, user: str) -> Library:
    return Library(settings.user_dir(user) / "files", settings.max_upload_mb * MIB)


async def load_model(settings: Settings) -> BaseChatModel:
    """The configured backend's model. Raises `ModelError` with what to do about it."""
    backend = import_module(BACKENDS[settings.llm_backend])
    model: BaseChatModel = await asyncio.to_thread(backend.build, settings.llamacpp())
    return model


@asynccontextmanager
async def open_services(settings: Settings, model: BaseChatModel, *, boot: bool = True) -> AsyncIterator[Services]:
    """Open the database, make the workspaces; on the way out end all runs, kernels and the model.

    With `boot` the fork server is made ready in the background. Raises `SandboxUnavailable`.
    """
    async with AsyncExitStack() as stack:
        close = getattr(model, "close", None)
        if close is not None:
            stack.push_async_callback(asyncio.to_thread, close)
        store = await stack.enter_async_context(open_store(settings.database))
        workspaces = Workspaces(settings.workspace())
        sandbox = await workspaces.start(boot=boot)
        stack.push_async_callback(workspaces.aclose)
        runs = Runs()
        stack.push_async_callback(runs.stop_all)
        # Whoever keeps something of its own about files or sessions (an index) hears of changes here.
        on_files_changed: tuple[OnChanged, ...] = ()
        on_session_deleted: tuple[OnDeleted, ...] = ()
        intake = Intake(
            settings.data_dir / "incoming",
            max_file_bytes=settings.max_upload_mb * MIB,
            idle_seconds=settings.upload_idle_seconds,
        )
        stack.callback(intake.close)
        await intake.start()
        uploads = Uploads(store.files, partial(library_of, settings), settings.data_dir / "users", on_files_changed)
        await uploads.reconcile()
        deletions = Deletions(store, workspaces, runs, on_session_deleted)
        stack.push_async_callback(deletions.aclose)
        await deletions.start()
        yield Services(
            settings=settings,
            model=model,
            model_name=getattr(model, "name_", model.__class__.__name__),
            store=store,
            workspaces=workspaces,
            graph=MODES["auto"].compile(checkpointer=store.saver),
            runs=runs,
            sandbox=sandbox,
            intake=intake,
            uploads=uploads,
            deletions=deletions,
        )

"""The parts, put together once at start and taken apart in reverse at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph.state import CompiledStateGraph

from api.runs import Runs
from api.settings import Settings
from checkpoints.store import Store, open_store
from graph import MODES
from llm import BACKENDS, vision
from llm.embeddings import open_embeddings, open_reranker
from tools.documents import Documents
from tools.files.cache import ProfileCache
from tools.files.reader import FileReader
from tools.kit import OnOutput, ToolKit
from tools.web.fetch import Fetcher
from tools.workers import Workers
from workspace.jail.probe import Sandbox
from workspace.library import Library
from workspace.retrieval.indexes import Indexes, Places
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
    workers: Workers
    profiles: ProfileCache | None
    fetcher: Fetcher
    vision: BaseChatModel | None
    documents: Documents

    def library(self, user: str) -> Library:
        """The user's own files."""
        return Library(self.settings.user_dir(user) / "files", self.settings.max_upload_mb * MIB)

    def reader(self, user: str) -> FileReader:
        """Reads files for the user."""
        return FileReader(self.workers, self.profiles, user)

    def tool_kit(self, workspace: SessionWorkspace, user: str, on_output: OnOutput | None = None) -> ToolKit:
        """What the tools of one session are given."""
        return ToolKit(
            workspace=workspace,
            workers=self.workers,
            library=self.library(user),
            reader=self.reader(user),
            on_output=on_output,
            web=self.fetcher.settings,
            fetcher=self.fetcher,
            vision=self.vision,
            looking=self.settings.vision(),
            off=self.settings.tools_off,
            documents=self.documents,
            user=user,
        )


async def load_model(settings: Settings) -> BaseChatModel:
    """The configured backend's model. Raises `ModelError` with what to do about it."""
    backend = import_module(BACKENDS[settings.llm_backend])
    model: BaseChatModel = await asyncio.to_thread(backend.build, settings.llamacpp())
    return model


async def load_vision(settings: Settings) -> BaseChatModel | None:
    """The model that sees, or None when none is configured. Raises `ModelError` with what to do about it."""
    return await asyncio.to_thread(vision.build, settings.llamacpp_vision())


@asynccontextmanager
async def open_services(
    settings: Settings, model: BaseChatModel, seeing: BaseChatModel | None = None, *, boot: bool = True
) -> AsyncIterator[Services]:
    """Open the database, make the workspaces; on the way out end all runs, kernels, workers and the models.

    With `boot` the fork servers are made ready in the background. Raises `SandboxUnavailable`.
    """
    async with AsyncExitStack() as stack:
        for loaded in (model, seeing):
            close = getattr(loaded, "close", None)
            if close is not None:
                stack.push_async_callback(asyncio.to_thread, close)
        store = await stack.enter_async_context(open_store(settings.database))
        workspaces = Workspaces(settings.workspace())
        sandbox = await workspaces.start(boot=boot)
        stack.push_async_callback(workspaces.aclose)
        workers = Workers(settings.workers(preload=boot))
        stack.push_async_callback(workers.aclose)
        if boot:
            workers.boot()
        documents = await stack.enter_async_context(_open_documents(settings, workspaces, workers))
        runs = Runs()
        stack.push_async_callback(runs.stop_all)
        yield Services(
            settings=settings,
            model=model,
            model_name=getattr(model, "name_", model.__class__.__name__),
            store=store,
            workspaces=workspaces,
            graph=MODES["auto"].compile(checkpointer=store.saver),
            runs=runs,
            sandbox=sandbox,
            workers=workers,
            profiles=settings.profile_cache(),
            fetcher=Fetcher(settings.web()),
            vision=seeing,
            documents=documents,
        )


@asynccontextmanager
async def _open_documents(settings: Settings, workspaces: Workspaces, workers: Workers) -> AsyncIterator[Documents]:
    """The search in documents; its models are loaded at their first use."""
    embedder, reranker = open_embeddings(settings.embeddings()), open_reranker(settings.embeddings())
    retrieval = settings.retrieval()
    places = Places(user=settings.user_dir, session=workspaces.folder)
    documents = Documents(Indexes(places, embedder, retrieval, reranker), FileReader(workers), retrieval.wait_seconds)
    try:
        yield documents
    finally:
        await documents.aclose()
        await embedder.aclose()
        if reranker is not None:
            await reranker.aclose()

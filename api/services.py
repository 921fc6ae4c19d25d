"""The parts, put together once at start and taken apart in reverse at the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph.state import CompiledStateGraph

from api.accounts.authentication import Accounts
from api.accounts.quotas import DiskUse, Quotas
from api.accounts.setup import open_accounts, signing_keys
from api.accounts.usage_meter import Meter
from api.files.form_receiver import Intake
from api.files.image_links import ImageLinks
from api.files.user_files import OnChanged, Quota, Uploads
from api.middleware.audit_log import AuditLog
from api.model_registry import BackendModels
from api.runs.live import Streams
from api.runs.session_deletion import Deletions, OnDeleted
from api.runs.session_locks import Runs
from api.settings import Settings
from checkpoints.store import Store, open_store
from checkpoints.users import User
from graph import MODES
from llm.factory import open_embeddings, open_reranker, opened
from llm.served.chat import ServedChat
from llm.vectors.base import VectorModel
from nodes.state import Limits
from tools.documents import Documents
from tools.files.cache import ProfileCache
from tools.files.reader import FileReader
from tools.kit import OnOutput, ToolKit
from tools.web.fetch import Fetcher
from tools.workers.pool import Workers
from workspace.jail.fork_server import ForkServer
from workspace.jail.probe import Sandbox
from workspace.library import Library
from workspace.retrieval.indexes import Indexes, Places
from workspace.session import SessionWorkspace
from workspace.settings import MIB
from workspace.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    models: BackendModels
    store: Store
    accounts: Accounts
    quotas: Quotas
    audit: AuditLog
    administered: bool
    """Was there an administrator at the start?"""
    workspaces: Workspaces
    graph: CompiledStateGraph[Any, Any, Any, Any]
    runs: Runs
    streams: Streams
    sandbox: Sandbox
    intake: Intake
    uploads: Uploads
    deletions: Deletions
    workers: Workers
    profiles: ProfileCache | None
    fetcher: Fetcher
    coder: BaseChatModel | None
    """Writes programs; None: the model that answers does."""
    vision: BaseChatModel | None
    documents: Documents
    vectors: VectorModel
    image_links: ImageLinks

    @property
    def model(self) -> BaseChatModel:
        """The one that answers when a request names none."""
        return self.models.get(self.models.default)

    @property
    def model_name(self) -> str:
        return self.models.default

    @asynccontextmanager
    async def metered(self, user: User) -> AsyncIterator[Meter]:
        """A callback for one run; its tokens are put down to the user however the run ends."""
        meter = Meter()
        try:
            yield meter
        finally:
            meter.close()
            await self.store.usage.add(user.id, meter.tokens_in, meter.tokens_out)

    async def ready_model(self, name: str) -> BaseChatModel:
        """The backend's model of that name; one on a server has been asked what it can do."""
        model = self.models.get(name)
        if isinstance(model, ServedChat):
            await model.ready()
        return model

    def limits(self, model: BaseChatModel) -> Limits:
        """What one run may use; the window is that of the model that answers."""
        window = getattr(model, "window", Limits().window)
        return replace(self.settings.limits(), window=window)

    def library(self, user: str) -> Library:
        """The user's own files, by the user's id."""
        return library_of(self.settings, user)

    def quota(self, user: User) -> Quota:  # noqa: ARG002 (everybody's is the same)
        """What the user may keep."""
        return Quota(self.settings.user_storage_mb * MIB, self.settings.user_max_files)

    def reader(self, user: str) -> FileReader:
        """Reads files for the user."""
        return FileReader(self.workers, self.profiles, user)

    def tool_kit(
        self, workspace: SessionWorkspace, user: str, model: BaseChatModel, on_output: OnOutput | None = None
    ) -> ToolKit:
        """What the tools of one session are given; `model` is the one that answers there."""
        return ToolKit(
            workspace=workspace,
            reader=self.reader(user),
            library=self.library(user),
            on_output=on_output,
            fetcher=self.fetcher,
            vision=self.vision,
            coder=self.coder or model,
            coding=self.settings.coding(),
            looking=self.settings.vision(),
            off=self.settings.tools_off,
            documents=self.documents,
            user=user,
        )


def library_of(settings: Settings, user: str) -> Library:
    return Library(settings.user_dir(user) / "files", settings.max_upload_mb * MIB)


@dataclass(frozen=True, slots=True)
class ForkServers:
    """What processes are forked from. Services in one process may share them: whoever makes them closes them."""

    kernels: ForkServer
    workers: Workers


@asynccontextmanager
async def open_services(
    settings: Settings,
    model: BaseChatModel,
    seeing: BaseChatModel | None = None,
    more_models: Sequence[BaseChatModel] = (),
    *,
    coder: BaseChatModel | None = None,
    boot: bool = True,
    fork_servers: ForkServers | None = None,
) -> AsyncIterator[Services]:
    """Open the database, make the workspaces; on the way out end all runs, kernels, workers and the models.

    With `boot` the fork servers are made ready in the background. Those that are given stay open. Raises
    `SandboxUnavailable`.
    """
    async with AsyncExitStack() as stack:
        given = (model, *more_models, coder, seeing)
        await stack.enter_async_context(opened([one for one in given if one is not None]))
        store = await stack.enter_async_context(open_store(settings.database))
        audit = stack.enter_context(closing(AuditLog(settings.audit_file)))
        accounts = await open_accounts(settings, store)
        image_links = ImageLinks(await asyncio.to_thread(signing_keys, settings), settings.image_link_hours)
        workspaces = Workspaces(settings.workspace(), fork_servers.kernels if fork_servers else None)
        sandbox = await workspaces.start(boot=boot)
        stack.push_async_callback(workspaces.aclose)
        workers = fork_servers.workers if fork_servers else Workers(settings.workers(preload=boot))
        if not fork_servers:
            stack.push_async_callback(workers.aclose)
        if boot:
            workers.boot()
        vectors = open_embeddings(settings.embeddings())
        stack.push_async_callback(vectors.aclose)
        documents = await stack.enter_async_context(_open_documents(settings, workspaces, workers, vectors))
        runs = Runs(store.leases, settings.run_lease_seconds, settings.run_queue_seconds)
        stack.push_async_callback(runs.aclose)
        runs.start_keeping()
        streams = Streams()
        models = BackendModels((model, *more_models), store.choices)
        await models.restore()
        profiles = settings.profile_cache()
        quotas = Quotas(settings.quota(), store.usage, DiskUse(settings, store.sessions))

        async def index_again(user: str) -> None:
            documents.schedule(user)

        async def forget_profiles(user: str, _session: str = "") -> None:
            if profiles is not None:
                await profiles.forget(user)

        # Whoever keeps something of its own about files or sessions hears of changes here.
        on_files_changed: tuple[OnChanged, ...] = (quotas.measure_again, index_again)
        on_session_deleted: tuple[OnDeleted, ...] = (
            quotas.session_deleted,
            documents.drop_session,
            forget_profiles,
            streams.session_deleted,
        )
        intake = Intake(
            settings.data_dir / "incoming",
            max_file_bytes=settings.max_upload_mb * MIB,
            idle_seconds=settings.upload_idle_seconds,
        )
        stack.callback(intake.close)
        await intake.start()
        uploads = Uploads(
            store.files,
            partial(library_of, settings),
            settings.data_dir / "users",
            on_changed=on_files_changed,
            on_removed=(forget_profiles,),
        )
        await uploads.reconcile()
        deletions = Deletions(store, workspaces, runs, on_session_deleted)
        stack.push_async_callback(deletions.aclose)
        await deletions.start()
        yield Services(
            settings=settings,
            models=models,
            store=store,
            accounts=accounts,
            quotas=quotas,
            audit=audit,
            administered=await store.users.admins() > 0,
            workspaces=workspaces,
            graph=MODES["auto"].compile(checkpointer=store.saver),
            runs=runs,
            streams=streams,
            sandbox=sandbox,
            intake=intake,
            uploads=uploads,
            deletions=deletions,
            workers=workers,
            profiles=profiles,
            fetcher=Fetcher(settings.web()),
            coder=coder if coder is not model else None,
            vision=seeing,
            documents=documents,
            vectors=vectors,
            image_links=image_links,
        )


@asynccontextmanager
async def _open_documents(
    settings: Settings, workspaces: Workspaces, workers: Workers, embedder: VectorModel
) -> AsyncIterator[Documents]:
    """The search in documents; its models are loaded at their first use."""
    reranker = open_reranker(settings.embeddings())
    retrieval = settings.retrieval()
    places = Places(user=settings.user_dir, session=workspaces.folder)
    documents = Documents(Indexes(places, embedder, retrieval, reranker), FileReader(workers), retrieval.wait_seconds)
    try:
        yield documents
    finally:
        await documents.aclose()
        if reranker is not None:
            await reranker.aclose()

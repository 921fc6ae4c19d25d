"""The services, assembled once at startup and closed in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from api.accounts.authentication import Accounts
from api.accounts.quotas import DiskUse, Quotas
from api.accounts.setup import open_accounts
from api.files.archives import Archives
from api.files.disk_reserve import DiskReserve, filled_reserve
from api.files.form_receiver import FormReceiver
from api.files.image_links import ImageLinks
from api.files.json_body import JsonParser
from api.files.user_files import OnChanged, UserFiles
from api.middleware.audit_log import AuditLog
from api.middleware.body_limit import BodyMemory
from api.model_registry import ModelRegistry
from api.runs.access_watch import AccessWatch, open_access_watch
from api.runs.live import LiveRuns
from api.runs.session_deletion import OnDeleted, SessionDeletion
from api.runs.session_locks import SessionLocks
from api.settings import Settings
from api.tool_kits import ToolKits
from api.turns.attachments import Attachments
from api.turns.fork import Forks
from api.turns.history import History
from api.turns.housekeeping import Housekeeping
from api.turns.options import OptionsResolver
from api.turns.start import Turns
from api.turns.stored_responses import StoredResponses
from api.turns.text_completions import TextCompletions
from api.turns.turn import ContextBuilder, TurnRunner
from checkpoints.store import Store, open_store
from graph import MODES
from llm.factory import open_embeddings, open_reranker, opened
from llm.vectors.base import VectorModel
from tools import PRELOAD
from tools.documents import Documents
from tools.files.cache import open_cache
from tools.files.reader import FileReader
from tools.web.fetch import Fetcher
from tools.workers.pool import Workers
from workspace.jail.fork_server import ForkServer
from workspace.jail.probe import Sandbox
from workspace.owned_folder import sweep, sweep_temporary, temporary_folder
from workspace.retrieval.indexes import Indexes, Places
from workspace.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may need."""

    settings: Settings
    body_memory: BodyMemory
    json: JsonParser
    models: ModelRegistry
    store: Store
    accounts: Accounts
    quotas: Quotas
    audit: AuditLog
    administered: bool
    """Whether there was an administrator at startup."""
    workspaces: Workspaces
    sandbox: Sandbox
    turns: Turns
    locks: SessionLocks
    access: AccessWatch
    live: LiveRuns
    history: History
    responses: StoredResponses
    completions: TextCompletions
    deletions: SessionDeletion
    forms: FormReceiver
    reserve: DiskReserve
    archives: Archives
    files: UserFiles
    kits: ToolKits
    workers: Workers
    documents: Documents
    vectors: VectorModel
    image_links: ImageLinks


@dataclass(frozen=True, slots=True)
class ForkServers:
    """Fork servers for kernels and workers. Services in one process can share them: their creator closes them."""

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
    """Open the database and the workspaces; on exit end all runs, kernels, workers and models.

    With `boot` the fork servers start in the background. Those passed in stay open. Raises `SandboxUnavailable`.
    """
    async with AsyncExitStack() as stack:
        given = (model, *more_models, coder, seeing)
        await stack.enter_async_context(opened([one for one in given if one is not None]))
        scratch = await stack.enter_async_context(_scratch_folder(settings))
        reserve = await filled_reserve(settings.reserve_file)
        store = await stack.enter_async_context(open_store(settings.database))
        audit = stack.enter_context(closing(await asyncio.to_thread(AuditLog, settings.audit_file)))
        accounts, keys = await open_accounts(
            settings.accounts, settings.secret_file, store, login_required=settings.login_required
        )
        image_links = ImageLinks(keys, settings.links.image_link_hours)
        workspaces = Workspaces(
            settings.workspace,
            settings.jail,
            sessions=settings.sessions_dir,
            snapshots=settings.snapshots_dir,
            scratch=scratch,
            max_file_bytes=settings.uploads.max_file_bytes,
            fork_server=fork_servers.kernels if fork_servers else None,
        )
        sandbox = await workspaces.start(boot=boot)
        stack.push_async_callback(workspaces.aclose)
        workers = fork_servers.workers if fork_servers else Workers(settings.workers, preload=PRELOAD if boot else ())
        if not fork_servers:
            stack.push_async_callback(workers.aclose)
        if boot:
            workers.boot()
        vectors = await asyncio.to_thread(open_embeddings, settings.models)
        stack.push_async_callback(vectors.aclose)
        documents = await stack.enter_async_context(
            _open_documents(settings, Places(settings.user_dir, workspaces.folder, scratch=scratch), workers, vectors)
        )
        locks = SessionLocks(
            store.leases,
            store.sessions,
            workspaces,
            lease_seconds=settings.runs.lease_seconds,
            queue_seconds=settings.runs.queue_seconds,
        )
        stack.push_async_callback(locks.aclose)
        locks.open()
        access = await stack.enter_async_context(open_access_watch(store.users, store.api_keys, workspaces))
        live = LiveRuns()
        models = ModelRegistry((model, *more_models), store.choices, users_choose=settings.accounts.allow_model_choice)
        await models.restore()
        profiles = open_cache(settings.file_cache, settings.data_dir / "cache" / "files", scratch)
        session_dirs = (settings.sessions_dir, settings.snapshots_dir)
        disk_use = DiskUse(settings.user_dir, session_dirs, settings.jail.folder_size, store.sessions)
        quotas = Quotas(settings.quota, store.usage, disk_use)

        async def index_again(user: str) -> None:
            documents.schedule(user)

        async def forget_profiles(user: str, _session: str = "") -> None:
            if profiles is not None:
                await profiles.forget(user)

        # Parts that keep their own data about files or sessions are notified of changes here.
        on_files_changed: tuple[OnChanged, ...] = (quotas.measure_again, index_again)
        on_session_deleted: tuple[OnDeleted, ...] = (
            quotas.session_deleted,
            documents.drop_session,
            forget_profiles,
            live.session_deleted,
        )
        kits = ToolKits(
            workers=workers,
            profiles=profiles,
            fetcher=Fetcher(settings.web),
            documents=documents,
            coder=coder if coder is not model else None,
            vision=seeing,
            coding=settings.coding,
            looking=settings.vision,
            off=settings.web.off,
            users_dir=settings.users_dir,
            scratch=scratch,
            max_file_bytes=settings.uploads.max_file_bytes,
        )
        files = UserFiles(
            store.files,
            settings.uploads,
            kits.library,
            settings.users_dir,
            on_changed=on_files_changed,
            on_removed=(forget_profiles,),
        )
        await files.reconcile()
        deletions = SessionDeletion(store, workspaces, locks, on_session_deleted)
        stack.push_async_callback(deletions.aclose)
        await deletions.start()
        graph = MODES["auto"].compile(checkpointer=store.saver)
        contexts = ContextBuilder(settings.agent, settings.coding, models, kits)
        runner = TurnRunner(graph, contexts, store, image_links)
        turns = Turns(
            options=OptionsResolver(models, settings.runs.policy, settings.links.public_url),
            quotas=quotas,
            locks=locks,
            store=store,
            forks=Forks(store, workspaces, graph, settings.jail.folder_size),
            history=History(graph),
            attachments=Attachments(kits.fetcher, settings.web.read_pages, settings.web.timeout),
            documents=documents,
            runner=runner,
            housekeeping=Housekeeping(MODES["chat"].compile(checkpointer=False), contexts, store),
            live=live,
            access=access,
        )
        yield Services(
            settings=settings,
            body_memory=BodyMemory(settings.requests.max_body_bytes),
            json=stack.enter_context(closing(JsonParser())),
            models=models,
            store=store,
            accounts=accounts,
            quotas=quotas,
            audit=audit,
            administered=await store.users.admins() > 0,
            workspaces=workspaces,
            sandbox=sandbox,
            turns=turns,
            locks=locks,
            access=access,
            live=live,
            history=turns.history,
            responses=StoredResponses(store.responses, store.leases),
            completions=TextCompletions(models, quotas, locks, access, contexts, store),
            deletions=deletions,
            forms=FormReceiver(scratch / "incoming", max_file_bytes=settings.uploads.max_file_bytes),
            reserve=reserve,
            archives=Archives(settings.jail.folder_size),
            files=files,
            kits=kits,
            workers=workers,
            documents=documents,
            vectors=vectors,
            image_links=image_links,
        )


@asynccontextmanager
async def _scratch_folder(settings: Settings) -> AsyncIterator[Path]:
    """This process's folder for temporary files, after deleting what killed processes have left."""
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(sweep_temporary)
    await asyncio.to_thread(sweep, settings.scratch_dir)
    async with temporary_folder(settings.scratch_dir) as folder:
        yield folder


@asynccontextmanager
async def _open_documents(
    settings: Settings, places: Places, workers: Workers, embedder: VectorModel
) -> AsyncIterator[Documents]:
    """Document search; its models are loaded at their first use."""
    reranker = await asyncio.to_thread(open_reranker, settings.models)
    indexes = Indexes(
        places,
        embedder,
        settings.retrieval,
        reranker,
        readers=settings.workers.workers,
        max_file_bytes=settings.uploads.max_file_bytes,
    )
    documents = Documents(indexes, FileReader(workers), settings.retrieval.wait, settings.vision.ocr_pages)
    try:
        yield documents
    finally:
        await documents.aclose()
        if reranker is not None:
            await reranker.aclose()

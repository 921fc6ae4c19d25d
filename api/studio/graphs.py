"""The modes' graphs with their context filled in, for `langgraph dev`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.errors import EmptyInputError
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from starlette.applications import Starlette
from typing_extensions import override

from api.model_registry import fetch_chat, fetch_vectors
from api.services import Services, open_services
from api.settings import load_settings
from api.studio.run_input import EXAMPLE, RunInputError, check_input, options
from graph import turn_graph
from llm.factory import load_models
from nodes.react.file_context import FileContext
from nodes.state import Context, Limits, Sampling
from tools import build_all

USER = "studio"

Turn = CompiledStateGraph[Any, Context, Any, Any]
Graph = Callable[[RunnableConfig], AbstractAsyncContextManager[Turn]]


class Studio:
    """The services, open as long as the server's application."""

    def __init__(self) -> None:
        self._services: Services | None = None

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Raises `SettingsError`, `ModelError`, `FetchError`, `SandboxUnavailable`."""
        settings = await asyncio.to_thread(load_settings)
        settings = settings.model_copy(update={"data_dir": settings.data_dir / USER})
        await asyncio.to_thread(fetch_chat, settings.models)
        await asyncio.to_thread(fetch_vectors, settings.models)
        models = await load_models(settings.models)
        async with open_services(settings, models.chat, models.vision, coder=models.coder) as services:
            self._services = services
            try:
                yield
            finally:
                self._services = None

    def graph(self, name: str) -> Graph:
        """Called by `langgraph dev` for each run and whenever it inspects the graph."""

        @asynccontextmanager
        async def make(config: RunnableConfig) -> AsyncIterator[Turn]:
            asked: Mapping[str, Any] = config.get("configurable", {})
            turn = turn_graph(name).compile()
            if self._services is None or not asked.get("__is_for_execution__"):
                yield turn
                return
            yield await _given(turn, self._services, str(asked["thread_id"]))

        return make

    async def sessions(self) -> list[str]:
        """The IDs of the sessions that have a folder."""
        return await asyncio.to_thread(_folder_names, self._open.settings.sessions_dir)

    async def discard(self, session: str) -> None:
        """End the session's kernel and delete its folder and variables. Raises `WorkspaceError`."""
        await self._open.deletions.discard(session, USER)

    @property
    def _open(self) -> Services:
        assert self._services is not None, "requests are answered only during the lifespan"
        return self._services


def _folder_names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


async def _given(turn: Turn, services: Services, session: str) -> Turn:
    """The turn's graph with its context filled in: the values set in Studio, and all live objects."""
    workspace = await services.workspaces.open(session, USER)
    model, library = await services.models.ready(services.models.default), services.kits.library(USER)
    contexts = services.turns.runner.contexts
    limits = contexts.limits(model)

    def context(given: Mapping[str, Any]) -> Context:
        return Context(
            model=model,
            coder=services.kits.coder,
            tools=build_all(services.kits.kit(workspace, USER, model)),
            workspace=workspace,
            library=library,
            describe=FileContext(services.kits.reader(USER), workspace, library, ""),
            sampling=options(Sampling, "sampling", Sampling(), given.get("sampling")),
            limits=replace(options(Limits, "limits", limits, given.get("limits")), window=limits.window),
            protocol=services.settings.agent.protocol(model),
            budget=contexts.budget(),
            user=USER,
        )

    class Given(CompiledStateGraph[Any, Context, Any, Any]):
        @override
        async def astream(self, input: Any, config: Any = None, *, context: Any = None, **more: Any) -> Any:
            check_input(input)
            # LangGraph passes the interrupt points only to the top graph, but the steps are in the modes' subgraphs.
            for _, mode in self.get_subgraphs():
                assert isinstance(mode, Pregel)
                mode.interrupt_before_nodes = more.get("interrupt_before") or ()
                mode.interrupt_after_nodes = more.get("interrupt_after") or ()
            filled = fill(context)
            counted = merge_configs(config, {"callbacks": [filled.budget.usage]})
            stream = cast("AsyncGenerator[Any, None]", super().astream(input, counted, context=filled, **more))
            try:
                async with aclosing(stream) as parts:
                    async for part in parts:
                        yield part
            except EmptyInputError:
                raise RunInputError(f"The thread has nothing to continue; send a message: {EXAMPLE}.") from None

    def fill(given: object) -> Context:
        return given if isinstance(given, Context) else context(given if isinstance(given, Mapping) else {})

    return Given(**vars(turn))

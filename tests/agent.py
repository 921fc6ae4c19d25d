"""An agent without HTTP: the top graph with real tools in a real workspace, and a scripted model."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from api.services import ForkServers
from api.settings import Settings
from graph import MODES
from llm.scripted import ScriptedChat
from llm.usage import UsageCounter
from nodes.events import AnswerDelta, Event, Finished, Routed, ThoughtDelta, ToolOutput
from nodes.react.file_context import FileContext
from nodes.state import Budget, Context, PlanStep, Step
from tools import build_all
from tools.files.reader import FileReader
from tools.kit import ToolKit
from workspace.library import Library
from workspace.session import SessionWorkspace
from workspace.workspaces import Workspaces

E = TypeVar("E")


@dataclass(frozen=True)
class Turn:
    """The stored state of a turn, and all events that it emitted."""

    state: Mapping[str, Any]
    events: Sequence[Event]
    usage: UsageCounter

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        """The answer as streamed."""
        return "".join(event.text for event in self.all(AnswerDelta)).strip()

    @property
    def thoughts(self) -> str:
        return "".join(event.text for event in self.all(ThoughtDelta)).strip()

    @property
    def route(self) -> Routed:
        (route,) = self.all(Routed)
        return route

    @property
    def reason(self) -> str:
        """The finish reason of the answer."""
        return self.all(Finished)[-1].reason

    @property
    def calls(self) -> int:
        """Calls of the model."""
        return self.usage.calls

    @property
    def steps(self) -> list[Step]:
        steps: list[Step] = self.state["steps"]
        return steps

    @property
    def errors(self) -> list[str | None]:
        return [step["error"] for step in self.steps]

    @property
    def plan(self) -> list[PlanStep]:
        plan: list[PlanStep] = self.state["plan"]
        return plan

    @property
    def messages(self) -> list[AnyMessage]:
        """The conversation so far."""
        messages: list[AnyMessage] = self.state["messages"]
        return messages


class Agent:
    """A workspace and its conversation: Python's variables and the messages persist from turn to turn."""

    def __init__(self, model: ScriptedChat, workspace: SessionWorkspace, library: Library, reader: FileReader) -> None:
        self.model = model
        self.workspace = workspace
        self.library = library
        self._reader = reader
        self._graph = MODES["auto"].compile(checkpointer=InMemorySaver())

    async def ask(
        self,
        question: str,
        mode: str = "react",
        *,
        files: Mapping[str, bytes] | None = None,
        conversation: str = "one",
        **given: Any,
    ) -> Turn:
        """Run a turn; `files` are attached to the question, `given` overrides fields of its `Context`. Without the
        earlier conversation, it is not known.
        """
        budget: Budget = given.pop("budget", None) or Budget()
        config: RunnableConfig = {
            "configurable": {"thread_id": conversation},
            "recursion_limit": 200,
            "callbacks": [budget.usage],
        }
        names = [await self.add(name, data) for name, data in (files or {}).items()]
        message = HumanMessage(question, additional_kwargs={"files": names} if names else {})
        events: list[Event] = []
        kit = ToolKit(
            workspace=self.workspace,
            library=self.library,
            reader=self._reader,
            coder=self.model,
            on_output=lambda text: events.append(ToolOutput(text)),
        )
        told: dict[str, Any] = {
            "model": self.model,
            "budget": budget,
            "tools": build_all(kit),
            "workspace": self.workspace,
            "library": self.library,
            "describe": FileContext(self._reader, self.workspace, self.library, question),
        }
        async for _, event in self._graph.astream(
            {"messages": [message], "wanted_mode": mode},
            config,
            context=Context(**{**told, **given}),
            stream_mode="custom",
            subgraphs=True,
        ):
            events.append(cast("Event", event))
        kept = await self._graph.aget_state(config)
        return Turn(kept.values, events, budget.usage)

    async def add(self, label: str, data: bytes) -> str:
        """A session file; returns its name."""

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        return (await self.workspace.add_file(label, chunks())).name


class Agents:
    """Creates agents, each in its own session."""

    def __init__(self, workspaces: Workspaces, library: Path, reader: FileReader) -> None:
        self._workspaces = workspaces
        self._library = library
        self._reader = reader
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def agent(self, model: ScriptedChat) -> AsyncIterator[Agent]:
        name = f"agent-{next(self._numbers)}"
        workspace = await self._workspaces.open(name, "ann")
        try:
            yield Agent(model, workspace, Library(self._library / name, 1 << 20, self._library), self._reader)
        finally:
            await self._workspaces.discard(name)


@asynccontextmanager
async def open_agents(settings: Settings, fork_servers: ForkServers) -> AsyncIterator[Agents]:
    workspaces = Workspaces(
        settings.workspace,
        settings.jail,
        sessions=settings.sessions_dir,
        snapshots=settings.snapshots_dir,
        scratch=settings.data_dir,
        max_file_bytes=settings.uploads.max_file_bytes,
        fork_server=fork_servers.kernels,
    )
    library = settings.data_dir / "library"
    library.mkdir()
    await workspaces.start(boot=False)
    try:
        yield Agents(workspaces, library, FileReader(fork_servers.workers))
    finally:
        await workspaces.aclose()

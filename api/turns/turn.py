"""A turn and its run: the top graph with its context, recorded at the turn's start and end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph

from api.files.image_links import ImageLinks
from api.model_registry import ModelRegistry
from api.runs.run import Emit, Work, run_to_completion
from api.runs.session_locks import LockedSession
from api.tool_kits import ToolKits
from api.turns.options import TurnOptions
from api.turns.relay import relay
from api.turns.transcript import Transcript, answered
from api.wire.answer import Answer
from checkpoints.store import Store
from nodes.events import AnswerDelta, Event, ToolOutput
from nodes.model.conversation import own_words
from nodes.react.file_context import FileContext
from nodes.settings import AgentSettings
from nodes.state import WINDOW, Budget, Context, Limits
from tools.coding.settings import CodingSettings

MAX_STREAMED_OUTPUT = 50_000
"""Maximum number of characters of program output that a turn streams; the steps have what the model saw of the rest."""
RECURSION_LIMIT = 200
"""Maximum number of graph steps; the run's own limits are lower."""


@dataclass(slots=True)
class Turn:
    """One question in a locked session, and its result."""

    options: TurnOptions
    locked: LockedSession
    messages: list[AnyMessage]
    """The new messages."""
    instructions: str
    """A digest of the client's system prompt."""
    budget: Budget
    answer: Answer
    number: int = 0
    """Number of its row; 0 until it is recorded."""
    checkpoint: str | None = None
    """The thread's checkpoint at the end of the turn, from which it can be forked; None until the turn is done."""

    @property
    def session_id(self) -> str:
        return self.locked.session.id


@dataclass(slots=True)
class OutsideTurn:
    """A front end's own request, outside of any session: nothing of it is stored."""

    options: TurnOptions
    messages: list[AnyMessage]
    budget: Budget
    answer: Answer
    session_id: str = ""
    checkpoint: None = None


@dataclass(frozen=True, slots=True)
class ContextBuilder:
    """Builds the graph's context: live objects and limits. Created once, from the shared parts."""

    agent: AgentSettings
    coding: CodingSettings
    models: ModelRegistry
    kits: ToolKits

    def budget(self) -> Budget:
        """A new budget for one run."""
        return Budget(self.agent)

    def limits(self, model: BaseChatModel, factor: float = 1) -> Limits:
        """The limits of one run, with `factor` times the steps; the context window is the answering model's."""
        window: int = getattr(model, "window", WINDOW)
        steps = max(1, int(self.agent.react_max_iterations * factor))
        return Limits(steps, int(self.coding.max_iterations * max(1, factor)), window=window)

    async def chat(self, options: TurnOptions, budget: Budget) -> Context:
        """For mode `chat` without a session or tools."""
        model = await self.models.ready(options.model)
        return Context(
            model=model,
            sampling=options.sampling,
            instructions=options.instructions,
            response_format=options.response_format,
            limits=self.limits(model, options.step_factor),
            budget=budget,
            user=options.user.id,
        )

    async def turn(self, turn: Turn, emit: Emit) -> Context:
        """For a turn of a session."""
        options, locked, kits = turn.options, turn.locked, self.kits
        model, user, workspace = await self.models.ready(options.model), options.user.id, locked.workspace
        show = _streamed(emit)
        library, reader = kits.library(user), kits.reader(user)
        tools: Mapping[str, BaseTool] = {}
        if options.user.role != "guest":
            tools = kits.toolbox(workspace, user, model, show, options.only_tools)
        return Context(
            model=model,
            coder=kits.coder,
            tools=tools,
            workspace=workspace,
            library=library,
            describe=FileContext(reader, workspace, library, options.question),
            sampling=options.sampling,
            system=locked.system,
            instructions=options.instructions,
            client_tools=options.client_tools,
            continued=options.continued,
            response_format=options.response_format,
            limits=self.limits(model, options.step_factor),
            protocol=self.agent.protocol(model),
            budget=turn.budget,
            user=user,
        )


@dataclass(frozen=True, slots=True)
class TurnRunner:
    """Executes turns with the top graph."""

    graph: CompiledStateGraph[Any, Any, Any, Any]
    contexts: ContextBuilder
    store: Store
    image_links: ImageLinks

    def turn(
        self, options: TurnOptions, locked: LockedSession, messages: list[AnyMessage], transcript: Transcript
    ) -> Turn:
        """A turn with a new budget and answer, and one counter of its usage."""
        budget = self.contexts.budget()
        answer = Answer(locked.session.id, budget.usage, continues=options.continued is not None)
        return Turn(options, locked, messages, transcript.instructions, budget, answer)

    def outside(self, options: TurnOptions, messages: list[AnyMessage]) -> OutsideTurn:
        """The same without a session."""
        budget = self.contexts.budget()
        return OutsideTurn(options, messages, budget, Answer("", budget.usage))

    def work(self, turn: Turn) -> Work:
        """The work of a turn's run: passes the graph's custom stream to `emit`."""

        async def run(emit: Emit) -> None:
            answer = turn.answer
            async with self._noted(turn):
                context = await self.contexts.turn(turn, emit)
                async with (
                    charged(turn.budget, turn.options.user.id, self.store),
                    aclosing(self._events(turn, context)) as events,
                ):
                    await relay(events, answer, emit)
                if images := self._images(turn):
                    emit(AnswerDelta(images))
                    answer.feed([AnswerDelta(images)])
                await self.store.sessions.said(turn.session_id, [answer.text])

        return run

    async def _events(self, turn: Turn, context: Context) -> AsyncGenerator[Event]:
        start: dict[str, Any] = {"messages": turn.messages, "wanted_mode": turn.options.mode}
        config: RunnableConfig = {
            "configurable": {"thread_id": turn.session_id},
            "recursion_limit": RECURSION_LIMIT,
            "callbacks": [context.budget.usage],
        }
        # LangGraph types its generator as a plain iterator; `aclosing` needs an async generator.
        stream = cast(
            "AsyncGenerator[tuple[tuple[str, ...], str, Event]]",
            self.graph.astream(start, config, context=context, stream_mode=["custom"], subgraphs=True),
        )
        async with aclosing(stream) as parts:
            async for _namespace, _mode, event in parts:
                yield event

    @asynccontextmanager
    async def _noted(self, turn: Turn) -> AsyncIterator[None]:
        """Record the turn at its start, and at its end with its answer or as cut off."""
        store, session, fingerprint, complete = self.store, turn.session_id, turn.locked.fingerprint, False

        async def begin() -> None:
            turn.number = await store.turns.begin(session, turn.options.user.id, fingerprint, turn.instructions)

        await store.sessions.said(session, [own_words(message) for message in turn.messages])
        try:
            await run_to_completion(begin())
            yield
            text = (turn.options.continued or "") + turn.answer.text
            end = await asyncio.to_thread(answered, fingerprint, text, turn.answer.tool_calls)
            turn.checkpoint = await store.turns.finish(turn.number, end)
            complete = True
        finally:
            if not complete:
                await store.turns.cut(turn.number)

    def _images(self, turn: Turn) -> str:
        """Links to the agent's images, to append to a complete text answer."""
        answer = turn.answer
        if turn.options.response_format is not None or answer.finish_reason != "stop" or not answer.text:
            return ""
        return self.image_links.markdown(turn.session_id, answer.steps, turn.options.address)


@asynccontextmanager
async def charged(budget: Budget, user: str, store: Store) -> AsyncIterator[None]:
    """Charge the block's usage to the user, however it ends."""
    try:
        yield
    finally:
        budget.usage.close()
        await store.usage.add(user, budget.usage.input_tokens, budget.usage.output_tokens)


def _streamed(emit: Emit) -> Callable[[str], None]:
    """Streams what programs print, up to `MAX_STREAMED_OUTPUT` characters."""
    room = MAX_STREAMED_OUTPUT

    def show(text: str) -> None:
        nonlocal room
        if room > 0:
            emit(ToolOutput(text[:room]))
            room -= len(text)

    return show

"""What a front end asks for itself (a title, tags, follow-up questions): answered from the request alone.

Such a request gets no session, leaves nothing in the database but its usage, and touches nobody's kernel.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from functools import cache
from typing import Any, cast

from langgraph.graph.state import CompiledStateGraph
from starlette.requests import HTTPConnection

from api.runs.live import Live
from api.runs.run import Emit, Run
from api.services import Services
from api.turns.options import asked_session, check_wishes, sampling_of, wanted_mode, wanted_model
from api.turns.request import Incoming
from api.wire.answer import Answer
from api.wire.chat_request import ChatRequest
from api.wire.chunks import Frames
from api.wire.conversion import to_messages
from checkpoints.users import User
from graph import MODES
from nodes.events import Event, Routed
from nodes.rules.mode import is_housekeeping
from nodes.state import Budget, Context


def is_aside(request: HTTPConnection, incoming: Incoming) -> bool:
    """One question that a front end asks for itself, outside of any session."""
    chat = incoming.chat
    said = [message for message in chat.messages if message.role not in ("system", "developer")]
    alone = len(said) == 1 and said[0].role == "user" and not said[0].attached and not incoming.files
    outside = asked_session(request, chat) is None and not chat.background and chat.agent_type in (None, "auto", "chat")
    return alone and outside and is_housekeeping(said[0].text)


async def start_aside(chat: ChatRequest, services: Services, user: User, stack: AsyncExitStack) -> Live:
    """Begin the answer. Raises 404 for an unknown model, 400 for wishes that it cannot grant, 429 when the user has
    enough."""
    wanted_mode(chat, services, user)
    name = await wanted_model(chat, services, user)
    await check_wishes(chat, services.models.get(name))
    await stack.enter_async_context(services.quotas.run(user))
    answer = Answer("")
    run: Run = services.runs.start_aside(_work(chat, name, services, user, answer), stack)
    return Live(run, Frames(name, ""), answer, chat.wants_usage)


def _work(
    chat: ChatRequest, name: str, services: Services, user: User, answer: Answer
) -> Callable[[Emit], Coroutine[None, None, None]]:
    async def run(emit: Emit) -> None:
        model = await services.ready_model(name)
        context = Context(
            model=model,
            sampling=sampling_of(chat),
            response_format=chat.wanted_format,
            limits=services.limits(model),
            budget=Budget(services.settings.agent),
            user=user.id,
        )
        emit(answer.feed(Routed("chat", "a front end's own request")))
        async with services.metered(user) as meter:
            start = {"messages": to_messages(chat.messages, 0)}
            # langgraph types its generator as a bare iterator; `aclosing` needs to know better.
            stream = cast(
                "AsyncGenerator[Event]",
                _chat().astream(start, {"callbacks": [meter]}, context=context, stream_mode="custom"),
            )
            async with aclosing(stream) as events:
                async for event in events:
                    emit(answer.feed(event))

    return run


@cache
def _chat() -> CompiledStateGraph[Any, Any, Any, Any]:
    return MODES["chat"].compile(checkpointer=False)

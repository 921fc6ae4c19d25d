"""A request becomes a run, by whatever way it came."""

from contextlib import AsyncExitStack

from starlette.requests import HTTPConnection

from api.runs.live import Live
from api.services import Services
from api.turns.housekeeping import is_aside, start_aside
from api.turns.request import Incoming
from api.turns.turn import open_turn, work
from api.wire.chunks import Frames
from checkpoints.users import User


async def start(
    request: HTTPConnection, incoming: Incoming, services: Services, user: User, stack: AsyncExitStack
) -> tuple[str, Live]:
    """The session's id, empty for what a front end asks for itself, and the run.

    The run owns what is on the stack from here on: it ends, or is stopped, and all is let go.
    """
    if is_aside(request, incoming):
        return "", await start_aside(incoming.chat, services, user, stack)
    turn = await stack.enter_async_context(open_turn(request, incoming, services, user))
    run = services.runs.start(turn.session.id, work(turn, services), stack)
    chat = incoming.chat
    live = Live(
        run, Frames(turn.model, turn.session.id), turn.note.answer, chat.wants_usage, background=chat.background
    )
    services.streams.add(turn.session.id, live)
    return turn.session.id, live

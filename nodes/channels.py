"""The only place that knows how messages are stored between turns.

langgraph's `DeltaChannel` (beta, hence pinned) writes what was added instead of the whole list at every step.
A snapshot of the list is written once in `SNAPSHOT_EVERY` updates; with langgraph's own default of 100 the
snapshots alone would grow with the square of the conversation.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from langgraph.channels import DeltaChannel
from langgraph.graph.message import _messages_delta_reducer

SNAPSHOT_EVERY = 1000


def messages_channel() -> DeltaChannel[Any]:
    """For `Annotated[list[AnyMessage], messages_channel()]`."""
    reducer: Callable[[Any, Sequence[Any]], Any] = cast("Any", _messages_delta_reducer)
    return DeltaChannel(reducer, snapshot_frequency=SNAPSHOT_EVERY)

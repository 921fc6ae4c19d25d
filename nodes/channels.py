"""The storage of messages between turns, which is defined only here.

LangGraph's `DeltaChannel` (beta, hence pinned) writes only what was added at every step, not the whole list. A snapshot
of the list is written once per `SNAPSHOT_EVERY` updates; with LangGraph's default of 100, the snapshots alone would
grow quadratically with the conversation.
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

"""Resuming a stream after its last received chunk (`Last-Event-ID`)."""

from api.errors import bad_request
from api.runs.event_log import gone
from api.runs.live import LiveRun

LAST_CHUNKS = 2
"""At most: the one with the `finish_reason`, and the usage."""


def resume_position(live: LiveRun, last_id: str | None) -> int | None:
    """The number of the client's last chunk, from its ID; None if it has none.

    Raises 400, and 410 if what follows that chunk is no longer kept.
    """
    if not last_id:
        return None
    completion_id, _, number = last_id.rpartition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise bad_request("Last-Event-ID: this is not a frame ID", "Last-Event-ID", "invalid_event_id")
    if completion_id != live.chunks.id:
        raise gone()
    # The last chunks follow the events of an ended run: a client that has them is at the end.
    log = live.run.log
    after, last = int(number), log.length + (LAST_CHUNKS if live.run.ended else 0)
    if after > last:
        raise bad_request("Last-Event-ID: there was no such frame", "Last-Event-ID", "invalid_event_id")
    if after <= log.length and not log.keeps(after + 1):
        raise gone()
    return after

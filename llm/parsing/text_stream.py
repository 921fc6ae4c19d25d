"""Converts token bytes to text: only whole characters, and nothing after a stop string."""

import codecs
from collections.abc import Sequence


class TextStream:
    """Decodes UTF-8 incrementally and holds back text that may be the start of a stop string.

    `feed` and `flush` return the text that can be shown. `stopped` becomes true when a stop string was found; it and
    everything after it are dropped, as in OpenAI's API.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(s for s in stop if s)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def feed(self, data: bytes) -> str:
        if self.stopped:
            return ""
        return self._scan(self._decoder.decode(data))

    def flush(self) -> str:
        """The rest, when the model has ended by itself."""
        if self.stopped:
            return ""
        text = self._scan(self._decoder.decode(b"", final=True)) + self._held
        self._held = ""
        return text

    def _scan(self, new: str) -> str:
        if not self._stop:
            return new
        text = self._held + new
        hits = [at for at in (text.find(s) for s in self._stop) if at >= 0]
        if hits:
            self.stopped = True
            self._held = ""
            return text[: min(hits)]
        keep = max(overlap(text, s) for s in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def overlap(text: str, stop: str) -> int:
    """Length of the longest suffix of `text` that is a prefix of `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0

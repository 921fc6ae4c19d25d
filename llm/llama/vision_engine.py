"""The thread that owns the vision model: loaded at the first image, one request at a time."""

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from llm.errors import BackendStoppedError, ModelError, PromptTooLongError
from llm.llama.engine import step_back
from llm.llama.prompt import PromptTemplate
from llm.llama.slots import Piece, Request
from llm.llama.vision_native import Part, Prompt, SeeingModel, Words
from llm.parsing.text_stream import TextStream
from llm.settings import LlamaCppSettings
from workspace.fair_share import FairQueue

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class SeeingRequest(Request):
    """One generation. `contents` are the texts and images of each turn; `turns` give the roles."""

    contents: list[list[str | bytes]] = field(default_factory=list)


class SeeingEngine:
    """Serves one request at a time; users take turns. A cancelled one stops before its next token or image."""

    def __init__(self, path: Path, projector: Path, settings: LlamaCppSettings) -> None:
        self._files = (path, projector)
        self._settings = settings
        self._waiting: FairQueue[SeeingRequest] = FairQueue()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Queue a request. Raises `BackendStoppedError` after `close`."""
        assert isinstance(request, SeeingRequest), "created by LlamaCppSeeingChat"
        with self._wake:
            if self._closing:
                raise BackendStoppedError("The vision model has been unloaded.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._main, name="llama-vision", daemon=True)
                self._thread.start()
            self._waiting.add(request.tenant, request)
            self._wake.notify()

    def cancel(self, request: Request) -> None:
        """Nothing more is delivered."""
        request.cancelled = True

    def close(self) -> None:
        """End all requests with `BackendStoppedError` and free the model."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    # the engine's thread

    def _main(self) -> None:
        step_back()
        model: SeeingModel | None = None
        while (request := self._next()) is not None:
            if request.cancelled:
                continue
            try:
                if model is None:
                    model = SeeingModel(*self._files, self._settings)
                self._serve(request, model)
            except ModelError as error:
                request.deliver(error)
            except (RuntimeError, OSError, ValueError) as error:
                log.warning("a request to the vision model failed", exc_info=error)
                request.deliver(ModelError(f"The vision model failed: {error}"))
        if model is not None:
            model.close()

    def _next(self) -> SeeingRequest | None:
        """The next request; when the engine closes, ends all waiting requests and returns None."""
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._waiting)
            if not self._closing and (taken := self._waiting.take()) is not None:
                self._waiting.give_back(taken[0])  # one at a time, so that nothing but the order is to be shared
                return taken[1]
            waiting = self._waiting.clear()
        for request in waiting:
            request.deliver(BackendStoppedError("The service is shutting down."))
        return None

    def _serve(self, request: SeeingRequest, model: SeeingModel) -> None:
        with model.prompt(_parts(request, model)) as prompt:
            if prompt.tokens >= model.window:
                raise PromptTooLongError(prompt.tokens, model.window)
            model.truncate(0, 0)
            position = 0
            for at, chunk in enumerate(prompt.chunks):
                self._go_on(request)
                if request.cancelled:
                    return
                position = model.read(chunk, position, last=at == len(prompt.chunks) - 1)
            self._write(request, model, prompt, position)

    def _write(self, request: SeeingRequest, model: SeeingModel, prompt: Prompt, position: int) -> None:
        text = TextStream(request.stop)
        room = model.window - prompt.tokens
        limit = room if request.max_tokens is None else min(room, request.max_tokens)
        sampler = model.sampler(request.sampling)
        try:
            for made in range(limit):
                self._go_on(request)
                if request.cancelled:
                    return
                token = model.sample(sampler, -1)
                if model.is_end(token):
                    request.deliver(Piece(text.flush(), "stop", prompt.tokens, made))
                    return
                shown = text.feed(model.piece(token))
                if text.stopped:
                    request.deliver(Piece(shown, "stop", prompt.tokens, made + 1))
                    return
                if shown:
                    request.deliver(Piece(shown))
                if made + 1 < limit:
                    model.decode([(token, position, 0, True)])
                    position += 1
            request.deliver(Piece(text.flush(), "length", prompt.tokens, limit))
        finally:
            model.free_sampler(sampler)

    def _go_on(self, request: SeeingRequest) -> None:
        if self._closing and not request.cancelled:
            raise BackendStoppedError("The service is shutting down.")


def _parts(request: SeeingRequest, model: SeeingModel) -> list[Part]:
    """The whole prompt, rendered with the chat template in the model file."""
    template = PromptTemplate(
        model.chat_template,
        bos=model.bos_text,
        eos=model.eos_text,
        tokenize=lambda text, control: model.tokenize(text, control=control),
    )
    parts: list[Part] = []
    for own, index in template.pieces([turn["role"] for turn in request.turns]):
        if own:
            parts.append(Words(own, control=True))
        if index is not None:
            contents = request.contents[index]
            parts += [Words(part, control=False) if isinstance(part, str) else part for part in contents if part]
    return parts

"""One thread owns the model and generates for all requests at once (continuous batching).

llama.cpp must not be called from two threads. Here a single thread decodes the next token of every running request in
one pass over the weights, so a short question does not wait for a long answer, and four answers together take less time
than four in a row. Each slot keeps the tokens of its last request: a prompt that shares a prefix is processed from
where it differs.

The scheme is that of Orca (Yu et al., OSDI 2022, "iteration-level scheduling").
"""

import logging
import os
import sys
import threading
from collections import deque
from pathlib import Path

from llm.errors import BackendStoppedError, ModelError, PromptTooLongError
from llm.llama.native import NativeModel
from llm.llama.prompt import PromptTemplate
from llm.llama.raw_prompt import raw_tokens
from llm.llama.schedule import Schedule
from llm.llama.slots import Piece, Request, Run, Slot, shared_prefix
from llm.settings import LlamaCppSettings

log = logging.getLogger(__name__)

PROMPT_CHUNK = 64
"""Prompt tokens processed between checks for cancellations and other requests: about half a second on two cores."""
NICENESS = 5
WORTH_COPYING = 32
"""Number of shared tokens above which copying another slot's memory is faster than processing them again."""


class LlamaEngine:
    """Loads the model on its own thread and serves requests fairly among users."""

    def __init__(self, path: Path, settings: LlamaCppSettings) -> None:
        self._path = path
        self._settings = settings
        self._wake = threading.Condition()
        self._closing = False
        self._clock = 0
        self._failure: ModelError | None = None
        self._model: NativeModel | None = None
        self.speaks_tools = False
        self.infills = False
        """Whether the model can fill in text before a suffix."""
        self._vocabulary = threading.Lock()
        self._ready = threading.Event()
        self._slots = [Slot(number) for number in range(settings.parallel)]
        self._schedule = Schedule(self._slots)
        self._thread = threading.Thread(target=self._main, name="llama-engine", daemon=True)
        self._thread.start()

    def wait_ready(self) -> None:
        """Block until the weights are loaded. Raises `ModelError` if loading fails."""
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def submit(self, request: Request) -> None:
        """Queue a request. Raises `BackendStoppedError` after `close`."""
        with self._wake:
            if self._closing or self._failure is not None:
                raise self._failure or BackendStoppedError("The model has been unloaded.")
            self._schedule.add(request)
            self._wake.notify()

    def cancel(self, request: Request) -> None:
        """Stop a request before its next token; nothing more is delivered."""
        request.cancelled = True
        with self._wake:
            self._wake.notify()

    def count(self, text: str) -> int:
        """Number of tokens of `text`. The vocabulary can be read alongside the engine's thread until the model is
        freed.
        """
        with self._vocabulary:
            if self._model is None:
                raise self._failure or BackendStoppedError("The model has been unloaded.")
            return len(self._model.tokenize(text, control=False))

    @property
    def window(self) -> int:
        return self._settings.n_ctx

    def close(self) -> None:
        """End all requests with `BackendStoppedError` and free the model."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    # the engine's thread

    def _main(self) -> None:
        step_back()
        try:
            model = self._model = NativeModel(self._path, self._settings)
            template = PromptTemplate(
                model.chat_template,
                bos=model.bos_text,
                eos=model.eos_text,
                tokenize=lambda text, control: model.tokenize(text, control=control),
            )
            self.speaks_tools = template.speaks_tools
            self.infills = model.infill_marks is not None
        except ModelError as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        try:
            while self._wait_for_work():
                self._admit(model, template)
                self._step(model)
        except (RuntimeError, OSError) as error:
            log.exception("the engine has failed")
            self._failure = ModelError(f"The embedded model failed: {error}")
        finally:
            self._end_all(model)
            with self._vocabulary:
                self._model = None
                model.close()

    def _wait_for_work(self) -> bool:
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._schedule or any(s.run for s in self._slots))
            return not self._closing

    def _admit(self, model: NativeModel, template: PromptTemplate) -> None:
        """Give slots to waiting requests."""
        while (request := self._next_request()) is not None:
            if request.cancelled:
                self._drop(request, None, model)
                continue
            try:
                self._place(request, model, template)
            except ModelError as error:
                self._drop(request, error, model)
            except ValueError as error:
                self._drop(request, ModelError(str(error)), model)

    def _next_request(self) -> Request | None:
        with self._wake:
            if (victim := self._schedule.victim()) is not None:
                self._interrupt(victim)
            return self._schedule.take()

    def _interrupt(self, slot: Slot) -> None:
        """Take the slot from its request, which goes on later."""
        run, slot.run = slot.run, None
        assert run is not None
        run.request.interrupted = run
        run.unread.extendleft(reversed(slot.memory))
        self._schedule.put_back(run.request)

    def _drop(self, request: Request, error: ModelError | None, model: NativeModel) -> None:
        """End a request that was to get a slot."""
        with self._wake:
            self._schedule.give_back(request)
        _forget(request, model)
        if error is not None:
            request.deliver(error)

    def _place(self, request: Request, model: NativeModel, template: PromptTemplate) -> None:
        run, request.interrupted = request.interrupted, None
        prompt = list(run.unread) if run is not None else self._prompt(request, model, template)
        slot, shared = self._slot_for(prompt, model)
        # The last token is processed again even if it is cached, because its logits are needed.
        shared = min(shared, len(prompt) - 1)
        if run is None:
            run = Run(request, prompt, shared, model)
        else:
            run.unread = deque(prompt[shared:])
        model.truncate(slot.number, shared)
        slot.memory = prompt[:shared]
        self._clock += 1
        slot.used_at = self._clock
        slot.run = run

    def _prompt(self, request: Request, model: NativeModel, template: PromptTemplate) -> list[int]:
        if request.raw is not None:
            prompt = raw_tokens(request.raw, model)
        else:
            prompt = template.tokens(request.turns, request.tools, continues=request.continues)
        if len(prompt) >= model.window:
            raise PromptTooLongError(len(prompt), model.window)
        return prompt

    def _slot_for(self, prompt: list[int], model: NativeModel) -> tuple[Slot, int]:
        """The free slot that has the longest cached prefix of `prompt`, and its number of tokens."""
        shares = {slot.number: shared_prefix(slot.memory, prompt) for slot in self._slots}
        best = max(self._slots, key=lambda slot: (shares[slot.number], slot.run is None))
        free = [slot for slot in self._slots if slot.run is None]
        keeps_most = shares[best.number] * 2 >= len(best.memory)
        if best.run is None and keeps_most:
            return best, shares[best.number]
        target = min(free, key=lambda slot: slot.used_at)
        gain = shares[best.number] - shares[target.number]
        if target is not best and gain >= WORTH_COPYING:
            model.copy_sequence(best.number, target.number)
            return target, shares[best.number]
        return target, shares[target.number]

    def _step(self, model: NativeModel) -> None:
        """Decode one token for every generating request, and a chunk of prompt for the others."""
        self._drop_cancelled(model)
        entries: list[tuple[int, int, int, bool]] = []
        finished_reading: list[tuple[Slot, int]] = []
        budget = PROMPT_CHUNK
        for slot in self._schedule.in_turn():
            run = slot.run
            assert run is not None
            # The last prompt token is processed alone, so that its logits are bit-identical whether the rest was just
            # processed or cached, and the same seed gives the same text.
            take = min(max(1, len(run.unread) - 1), budget) if run.reads else 1
            if run.reads and take:
                budget -= take
                self._schedule.has_read(run.request)
            for _ in range(take):
                token = run.unread.popleft()
                entries.append((token, len(slot.memory), slot.number, not run.unread))
                slot.memory.append(token)
            if take and not run.unread:
                finished_reading.append((slot, len(entries) - 1))
        if not entries:
            return
        model.decode(entries)
        for slot, at in finished_reading:
            self._write(slot, at, model)

    def _write(self, slot: Slot, at: int, model: NativeModel) -> None:
        run = slot.run
        assert run is not None
        token = model.sample(run.sampler, at)
        if model.is_end(token):
            self._finish(slot, run.last(run.text.flush(), "stop"), model)
            return
        run.made += 1
        text = run.text.feed(model.piece(token))
        if run.text.stopped:
            self._finish(slot, run.last(text, "stop"), model)
        elif run.made >= run.limit:
            self._finish(slot, run.last(text + run.text.flush(), "length"), model)
        else:
            run.unread.append(token)
            if text:
                run.request.deliver(Piece(text))

    def _finish(self, slot: Slot, result: Piece | ModelError | None, model: NativeModel) -> None:
        run = slot.run
        assert run is not None
        slot.run = None
        with self._wake:
            self._schedule.give_back(run.request)
        model.free_sampler(run.sampler)
        if result is not None and not run.request.cancelled:
            run.request.deliver(result)

    def _drop_cancelled(self, model: NativeModel) -> None:
        for slot in self._slots:
            if slot.run is not None and slot.run.request.cancelled:
                self._finish(slot, None, model)

    def _end_all(self, model: NativeModel) -> None:
        stopped = self._failure or BackendStoppedError("The service is shutting down.")
        for slot in self._slots:
            if slot.run is not None:
                self._finish(slot, stopped, model)
        with self._wake:
            self._closing = True
            waiting = self._schedule.clear()
        for request in waiting:
            _forget(request, model)
            request.deliver(stopped)


def _forget(request: Request, model: NativeModel) -> None:
    if request.interrupted is not None:
        model.free_sampler(request.interrupted.sampler)
        request.interrupted = None


def step_back() -> None:
    """Lower the thread's priority: llama.cpp's threads inherit it and would otherwise starve the event loop."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

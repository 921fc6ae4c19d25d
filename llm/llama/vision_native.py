"""llama.cpp's multimodal library (`mtmd`): images become tokens of the prompt.

Not thread-safe; `llm.llama.vision_engine` owns it and is its only caller.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as lib
from llama_cpp import mtmd_cpp as mtmd
from typing_extensions import override

from llm.errors import ModelDamagedError, ModelError
from llm.llama.native import Handle, NativeModel, log_from_c
from llm.settings import LlamaCppSettings, usable_cores

BATCH = 512
TOKENIZED = 0
EVALUATED = 0


@dataclass(frozen=True, slots=True)
class Words:
    """Text of a prompt. Control tokens are only recognized in the template's own text."""

    text: str
    control: bool


Part = Words | bytes
"""Part of a prompt: text, or an image as a JPEG or PNG file."""


class SeeingModel(NativeModel):
    """A text model whose prompts may contain images."""

    def __init__(self, path: Path, projector: Path, settings: LlamaCppSettings) -> None:
        super().__init__(path, settings)
        mtmd.mtmd_log_set(log_from_c, ctypes.c_void_p(0))
        mtmd.mtmd_helper_log_set(log_from_c, ctypes.c_void_p(0))
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = settings.n_gpu_layers != 0
        params.print_timings = False
        params.n_threads = settings.n_threads or usable_cores()
        self._eyes = mtmd.mtmd_init_from_file(str(projector).encode(), self._model, params)
        if self._eyes is None:
            super().close()
            raise ModelDamagedError(f"{projector} cannot be loaded: it is damaged or does not match {path.name}.")
        if not mtmd.mtmd_support_vision(self._eyes):
            self.close()
            raise ModelDamagedError(f"{projector} is not a projector for images.")

    @override
    def close(self) -> None:
        mtmd.mtmd_free(self._eyes)
        super().close()

    @contextmanager
    def prompt(self, parts: Sequence[Part]) -> Iterator["Prompt"]:
        """The prompt as tokens. Raises `ModelError` if an image cannot be decoded."""
        with ExitStack() as stack:
            given = [self._part(part, stack) for part in parts]
            pointers = (ctypes.POINTER(mtmd.mtmd_input_part) * len(given))(*map(ctypes.pointer, given))
            chunks = mtmd.mtmd_input_chunks_init()
            stack.callback(mtmd.mtmd_input_chunks_free, chunks)
            if mtmd.mtmd_tokenize_from_parts(self._eyes, chunks, pointers, len(given), False) != TOKENIZED:
                raise ModelError("The vision model cannot process this prompt.")
            count = mtmd.mtmd_input_chunks_size(chunks)
            yield Prompt(
                chunks=[mtmd.mtmd_input_chunks_get(chunks, at) for at in range(count)],
                tokens=int(mtmd.mtmd_helper_get_n_tokens(chunks)),
            )

    def _part(self, part: Part, stack: ExitStack) -> Handle:
        if isinstance(part, Words):
            data = part.text.encode("utf-8", "replace")
            text = mtmd.mtmd_input_text(text=data, text_len=len(data), add_special=False, parse_special=part.control)
            return mtmd.mtmd_input_part(text=ctypes.pointer(text))
        buffer = (ctypes.c_uint8 * len(part)).from_buffer_copy(part)
        bitmap = mtmd.mtmd_helper_bitmap_init_from_buf(self._eyes, buffer, len(part), False)
        if bitmap is None:
            raise ModelError("The vision model cannot decode this image; it supports JPEG and PNG.")
        stack.callback(mtmd.mtmd_bitmap_free, bitmap)
        return mtmd.mtmd_input_part(bitmap=bitmap)

    def read(self, chunk: Handle, position: int, *, last: bool) -> int:
        """Process a chunk of a prompt from `position` on; returns the position after it. With `last`, `sample(chain,
        -1)` can follow. An image takes seconds.
        """
        after = lib.llama_pos(position)  # text advances the position by its length; an image sets it
        status = mtmd.mtmd_helper_eval_chunk_single(
            *(self._eyes, self._ctx, chunk, lib.llama_pos(position), lib.llama_seq_id(0)),
            *(BATCH, last, ctypes.byref(after)),
        )
        if status != EVALUATED:
            raise RuntimeError(f"a part of the prompt cannot be processed (status {status})")
        return int(after.value)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Texts and images in order, valid while the context of `SeeingModel.prompt` is open."""

    chunks: list[Handle]
    tokens: int

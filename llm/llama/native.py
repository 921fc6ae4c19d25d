"""A thin, typed wrapper around llama.cpp's C API: one model, one context with several sequences.

Not thread-safe; `llm.llama.engine` owns it and is its only caller.
"""

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as lib

from llm.errors import ModelDamagedError, ModelMissingError
from llm.settings import LlamaCppSettings, usable_cores

log = logging.getLogger(__name__)

GGUF_MAGIC = b"GGUF"
PIECE_BYTES = 256
DECODE_OK = 0
GGML_ERROR = 4

Handle = Any
"""A pointer into llama.cpp; ctypes has no more specific type at run time."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is sampled; temperature 0 selects the likeliest one."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 40
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    """OpenAI's, for the tokens of the reply."""
    grammar: str | None = None
    """GBNF text with the rule `root`."""
    trigger: str | None = None
    """The grammar applies after this text, if it is a single token of the model; otherwise never."""


@lib.llama_log_callback  # type: ignore[untyped-decorator]
def log_from_c(level: int, text: bytes, _user_data: object) -> None:
    if level == GGML_ERROR:
        log.warning("%s", text.decode("utf-8", "replace").rstrip())


def check_file(path: Path, advice: str = "Run `make model`, or set LLAMACPP_MODEL_PATH.") -> None:
    """Raise `ModelMissingError` or `ModelDamagedError`, with `advice`, unless `path` starts like a GGUF file."""
    if not path.is_file():
        raise ModelMissingError(f"No model file at {path}. {advice}")
    with path.open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise ModelDamagedError(f"{path} is not a GGUF model file. Delete it. {advice}")


class NativeModel:
    """Weights, vocabulary, and a context whose sequences are decoded together."""

    def __init__(self, path: Path, settings: LlamaCppSettings) -> None:
        check_file(path)
        lib.llama_log_set(log_from_c, ctypes.c_void_p(0))
        lib.llama_backend_init()
        self.path = path
        self._model = self._load(path, settings)
        self._vocab = lib.llama_model_get_vocab(self._model)
        self._ctx = self._new_context(settings)
        self._memory = lib.llama_get_memory(self._ctx)
        self._batch = lib.llama_batch_init(lib.llama_n_batch(self._ctx), 0, 1)
        self._piece = ctypes.create_string_buffer(PIECE_BYTES)
        self.window = settings.n_ctx

    @staticmethod
    def _load(path: Path, settings: LlamaCppSettings) -> Handle:
        params = lib.llama_model_default_params()
        params.n_gpu_layers = settings.n_gpu_layers
        params.use_mmap = settings.use_mmap
        params.use_mlock = settings.use_mlock
        model = lib.llama_model_load_from_file(str(path).encode(), params)
        if model is None:
            raise ModelDamagedError(f"{path} cannot be loaded; it is damaged or of an unsupported kind.")
        return model

    def _new_context(self, settings: LlamaCppSettings) -> Handle:
        params = lib.llama_context_default_params()
        params.n_ctx = settings.n_ctx * settings.parallel
        params.n_seq_max = settings.parallel
        params.n_batch = params.n_ubatch = 512
        # One buffer per sequence: attention then costs by the request's own length, not by that of all requests.
        params.kv_unified = False
        params.offload_kqv = not settings.low_vram
        params.no_perf = True
        # llama.cpp defaults to four threads on every machine.
        params.n_threads = params.n_threads_batch = settings.n_threads or usable_cores()
        context = lib.llama_init_from_model(self._model, params)
        if context is None:
            lib.llama_model_free(self._model)
            raise ModelDamagedError(
                f"{self.path} was loaded, but {settings.parallel} × {settings.n_ctx} tokens of context do not "
                "fit in memory. Lower LLAMACPP_N_CTX or LLAMACPP_PARALLEL."
            )
        return context

    def close(self) -> None:
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._ctx)
        lib.llama_model_free(self._model)

    # vocabulary

    def tokenize(self, text: str, *, control: bool) -> list[int]:
        """Tokens of `text`; control tokens (such as `<|im_end|>`) are only recognized if `control` is true."""
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 2
        buffer = (lib.llama_token * size)()
        count = lib.llama_tokenize(self._vocab, raw, len(raw), buffer, size, False, control)
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        size = lib.llama_token_to_piece(self._vocab, token, self._piece, PIECE_BYTES, 0, False)
        return self._piece.raw[:size] if size > 0 else b""

    def is_end(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self._vocab, token))

    @property
    def infill_marks(self) -> tuple[int, int, int] | None:
        """The control tokens before a prefix, before a suffix, and before the text between them, if there are any."""
        vocab = self._vocab
        marks = lib.llama_vocab_fim_pre(vocab), lib.llama_vocab_fim_suf(vocab), lib.llama_vocab_fim_mid(vocab)
        return marks if min(marks) >= 0 else None

    @property
    def first_tokens(self) -> list[int]:
        """What every prompt of this model begins with."""
        return [lib.llama_vocab_bos(self._vocab)] if lib.llama_vocab_get_add_bos(self._vocab) else []

    @property
    def neutral_token(self) -> int:
        """A prompt for a text about nothing in particular."""
        first = lib.llama_vocab_bos(self._vocab)
        return int(first if first >= 0 else lib.llama_vocab_eos(self._vocab))

    @property
    def bos_text(self) -> str:
        return self.text_of(lib.llama_vocab_bos(self._vocab))

    @property
    def eos_text(self) -> str:
        return self.text_of(lib.llama_vocab_eos(self._vocab))

    @property
    def chat_template(self) -> str | None:
        text = lib.llama_model_chat_template(self._model, None)
        return text.decode("utf-8") if text else None

    def text_of(self, token: int) -> str:
        """The token as it is written, also if it is a control token; empty for a negative one."""
        text = lib.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", "replace") if text else ""

    # sequences

    def decode(self, entries: Sequence[tuple[int, int, int, bool]]) -> None:
        """Process `(token, position, sequence, wants_logits)` entries, all in one pass over the weights."""
        batch = self._batch
        batch.n_tokens = len(entries)
        for at, (token, position, sequence, wants_logits) in enumerate(entries):
            batch.token[at] = token
            batch.pos[at] = position
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = sequence
            batch.logits[at] = wants_logits
        status = lib.llama_decode(self._ctx, batch)
        if status != DECODE_OK:
            raise RuntimeError(f"llama_decode failed with status {status}")

    def truncate(self, sequence: int, length: int) -> None:
        """Keep only the first `length` tokens of a sequence."""
        lib.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def copy_sequence(self, source: int, target: int) -> None:
        lib.llama_memory_seq_rm(self._memory, target, -1, -1)
        lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    # sampling

    def sampler(self, how: Sampling) -> Handle:
        """A chain for `sample`; free it with `free_sampler`. Raises ValueError for an invalid grammar."""
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if how.grammar is not None and (rules := self._rules(how.grammar, how.trigger, chain)) is not None:
            lib.llama_sampler_chain_add(chain, rules)
        if how.frequency_penalty or how.presence_penalty:
            size = lib.llama_vocab_n_tokens(self._vocab)
            given = how.frequency_penalty, how.presence_penalty
            lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_penalties(size, self.window, 1.0, *given))
        if how.temperature <= 0:
            lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_greedy())
            return chain
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_top_k(how.top_k))
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_top_p(how.top_p, 1))
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_temp(how.temperature))
        seed = lib.LLAMA_DEFAULT_SEED if how.seed is None else how.seed & 0x7FFFFFFF
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_dist(seed))
        return chain

    def _rules(self, grammar: str, trigger: str | None, chain: Handle) -> Handle | None:
        text, root = grammar.encode(), b"root"
        if trigger is None:
            rules = lib.llama_sampler_init_grammar(self._vocab, text, root)
        elif len(tokens := self.tokenize(trigger, control=True)) == 1:
            first = (lib.llama_token * 1)(*tokens)
            rules = lib.llama_sampler_init_grammar_lazy_patterns(self._vocab, text, root, None, 0, first, 1)
        else:
            return None
        if rules is None:
            lib.llama_sampler_free(chain)
            raise ValueError("the grammar cannot be parsed")
        return rules

    def free_sampler(self, chain: Handle) -> None:
        lib.llama_sampler_free(chain)

    def sample(self, chain: Handle, at: int) -> int:
        """The next token, sampled from the logits of entry `at` of the last `decode`."""
        return int(lib.llama_sampler_sample(chain, self._ctx, at))

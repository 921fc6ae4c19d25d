"""Model files of a few hundred kilobytes with random weights: a llama that writes nonsense, and its projector.

They are as complete as large ones, so that loading, images in prompts, sampling and cancelling run for real.
"""

import random
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MAGIC, VERSION, ALIGN = 0x46554747, 3, 32
F32 = 0
WIDTH, HEADS, FEED = 64, 4, 128
SEEING, PATCH, SIDE = 32, 14, 28
NORMAL, CONTROL, BYTE = 1, 3, 6
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOKENS = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", *(f"<0x{n:02X}>" for n in range(256))]
Shape = Sequence[int]


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """`(type, value)` as GGUF writes it; the types that are used here."""
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        case [float(), *_]:
            return struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)
        case [int(), *_]:
            return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    raise TypeError(type(value))


def write(
    path: Path, metadata: Mapping[str, Any], shapes: Mapping[str, Shape], zeros: Mapping[str, int] | None = None
) -> Path:
    """A GGUF file; norms are ones, all other weights random, except the first `zeros` of a tensor."""
    dice = random.Random(7)
    head = struct.pack("<IIQQ", MAGIC, VERSION, len(shapes), len(metadata))
    head += b"".join(_text(key) + _value(value) for key, value in metadata.items())
    body = b""
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        body += b"\0" * (-len(body) % ALIGN)
        head += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", F32, len(body))
        flat = 1.0 if "norm" in name or "ln" in name else None
        weights = [dice.gauss(0, 0.3) if flat is None else flat for _ in range(count)]
        nothing = (zeros or {}).get(name, 0)
        body += struct.pack(f"<{count}f", *[0.0] * nothing, *weights[nothing:])
    path.write_bytes(head + b"\0" * (-len(head) % ALIGN) + body)
    return path


def text_model(path: Path, chat: str = CHAT, *, endless: bool = False) -> Path:
    """One layer; every byte is a token. An `endless` one never ends a reply by itself: control tokens, which have a
    score of 0, are not the likeliest.
    """
    kinds = [CONTROL] * 5 + [BYTE] * 256
    metadata = {
        "general.architecture": "llama",
        "llama.context_length": 2048,
        "llama.embedding_length": WIDTH,
        "llama.block_count": 1,
        "llama.feed_forward_length": FEED,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": len(TOKENS),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.scores": [0.0] * len(TOKENS),
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 4,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": chat,
    }
    layer = {
        **{"attn_norm": [WIDTH], "ffn_norm": [WIDTH]},
        **{f"attn_{part}": [WIDTH, WIDTH] for part in ("q", "k", "v", "output")},
        **{"ffn_gate": [WIDTH, FEED], "ffn_up": [WIDTH, FEED], "ffn_down": [FEED, WIDTH]},
    }
    shapes: dict[str, Shape] = {
        "token_embd.weight": [WIDTH, len(TOKENS)],
        "output_norm.weight": [WIDTH],
        "output.weight": [WIDTH, len(TOKENS)],
        **{f"blk.0.{name}.weight": shape for name, shape in layer.items()},
    }
    return write(path, metadata, shapes, {"output.weight": kinds.count(CONTROL) * WIDTH} if endless else None)


def projector(path: Path, width: int = WIDTH) -> Path:
    """CLIP with two layers, of which LLaVA uses one: 28 × 28 pixels become 4 tokens."""
    metadata = {
        "general.architecture": "clip",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
        "clip.vision.embedding_length": SEEING,
        "clip.vision.feed_forward_length": SEEING * 2,
        "clip.vision.block_count": 2,
        "clip.vision.projection_dim": width,
        "clip.vision.attention.head_count": 2,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_size": SIDE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }
    shapes: dict[str, Shape] = {
        "v.patch_embd.weight": [PATCH, PATCH, 3, SEEING],
        "v.position_embd.weight": [SEEING, (SIDE // PATCH) ** 2],
        "mm.0.weight": [SEEING, width],
        "mm.0.bias": [width],
        "mm.2.weight": [width, width],
        "mm.2.bias": [width],
    }
    for at in range(2):
        block = f"v.blk.{at}"
        shapes |= {f"{block}.attn_{part}.weight": [SEEING, SEEING] for part in ("q", "k", "v", "out")}
        shapes |= {f"{block}.ln{n}.{kind}": [SEEING] for n in (1, 2) for kind in ("weight", "bias")}
        shapes |= {f"{block}.ffn_up.weight": [SEEING, SEEING * 2], f"{block}.ffn_down.weight": [SEEING * 2, SEEING]}
    return write(path, metadata, shapes)

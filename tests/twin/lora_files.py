"""Writes LoRA adapters to test with: small, random, and strong enough to change any answer."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HIDDEN, KEYS, LAYERS = (
    576,
    192,
    range(10, 20),
)  # of SmolLM2-135M: width, width of the values, layers to change
RANK = 4

# A tensor as it is written: its name, its shape in the file's order, its numbers.
Tensor = tuple[str, tuple[int, ...], "array[float]"]


def random_numbers(seed: int, count: int, spread: float) -> array[float]:
    chance = random.Random(seed)
    return array("f", (chance.gauss(0, spread) for _ in range(count)))


def random_tensors(seed: int, layers: Iterable[int] = LAYERS, hidden: int = HIDDEN) -> list[Tensor]:
    made: list[Tensor] = []
    for layer in layers:
        for name, out in ((f"blk.{layer}.attn_q.weight", hidden), (f"blk.{layer}.attn_v.weight", KEYS)):
            own = seed * 1000 + len(made)
            made.append((f"{name}.lora_a", (hidden, RANK), random_numbers(own, hidden * RANK, hidden**-0.5)))
            made.append((f"{name}.lora_b", (RANK, out), random_numbers(own + 1, RANK * out, 0.5)))
    return made


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _fact(key: str, value: Any) -> bytes:
    if isinstance(value, float):
        return _text(key) + struct.pack("<If", 6, value)
    if isinstance(value, int):
        return _text(key) + struct.pack("<II", 4, value)
    return _text(key) + struct.pack("<I", 8) + _text(value)


METADATA: Mapping[str, Any] = {
    "general.type": "adapter",
    "general.architecture": "llama",
    "adapter.type": "lora",
    "adapter.lora.alpha": 8.0,
}


def write_adapter(path: Path, made: list[Tensor], *, version: int = 3, **facts: Any) -> Path:
    """A GGUF file of these tensors; facts with ``__`` for the dot, None to leave one of the usual ones out."""
    told = {**METADATA, **{key.replace("__", "."): value for key, value in facts.items()}}
    pairs = [_fact(key, value) for key, value in told.items() if value is not None]
    infos, data = b"", b""
    for name, shape, values in made:
        infos += (
            _text(name)
            + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            + struct.pack("<IQ", 0, len(data))
        )
        data += values.tobytes()
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", version, len(made), len(pairs)) + b"".join(pairs) + infos
    path.write_bytes(head + bytes(-len(head) % 32) + data)
    return path

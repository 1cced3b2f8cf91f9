"""Write LoRA adapters for tests: small, random, and strong enough to change any answer."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Width and value width of SmolLM2-135M, and the layers that adapters change: those that the short model has.
HIDDEN, KEYS, LAYERS = 576, 192, range(2)
RANK = 4

# A tensor to write: its name, its shape in the file's order, its numbers.
Tensor = tuple[str, tuple[int, ...], "array[float]"]


def random_numbers(seed: int, count: int, spread: float) -> array[float]:
    chance = random.Random(seed)
    return array("f", (chance.gauss(0, spread) for _ in range(count)))


def random_tensors(seed: int, layers: Iterable[int] = LAYERS, hidden: int = HIDDEN) -> list[Tensor]:
    tensors: list[Tensor] = []
    for layer in layers:
        for name, out in ((f"blk.{layer}.attn_q.weight", hidden), (f"blk.{layer}.attn_v.weight", KEYS)):
            tensor_seed = seed * 1000 + len(tensors)
            side_a = random_numbers(tensor_seed, hidden * RANK, hidden**-0.5)
            side_b = random_numbers(tensor_seed + 1, RANK * out, 0.5)
            tensors.append((f"{name}.lora_a", (hidden, RANK), side_a))
            tensors.append((f"{name}.lora_b", (RANK, out), side_b))
    return tensors


def _encode_text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _encode_fact(key: str, value: Any) -> bytes:
    if isinstance(value, float):
        return _encode_text(key) + struct.pack("<If", 6, value)
    if isinstance(value, list) and isinstance(value[0], int):
        return (
            _encode_text(key) + struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
        )
    if isinstance(value, list):
        return _encode_text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_encode_text, value))
    if isinstance(value, int):
        return _encode_text(key) + struct.pack("<II", 4, value)
    return _encode_text(key) + struct.pack("<I", 8) + _encode_text(value)


METADATA: dict[str, Any] = {
    "general.type": "adapter",
    "general.architecture": "llama",
    "adapter.type": "lora",
    "adapter.lora.alpha": 8.0,
}


def write_adapter(path: Path, tensors: list[Tensor], *, version: int = 3, **facts: Any) -> Path:
    """Write a GGUF file. Facts have ``__`` for the dot; None leaves out a fact of ``METADATA``."""
    return write_gguf(
        path, METADATA | {key.replace("__", "."): value for key, value in facts.items()}, tensors, version
    )


def write_gguf(path: Path, metadata: Mapping[str, Any], tensors: list[Tensor], version: int = 3) -> Path:
    """Write any GGUF file with tensors of 32-bit numbers. Facts that are None are left out."""
    pairs = [_encode_fact(key, value) for key, value in metadata.items() if value is not None]
    infos, data = b"", b""
    for name, shape, values in tensors:
        infos += (
            _encode_text(name)
            + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            + struct.pack("<IQ", 0, len(data))
        )
        data += values.tobytes()
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + infos
    path.write_bytes(head + bytes(-len(head) % 32) + data)
    return path

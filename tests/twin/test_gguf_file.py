"""What is read from a GGUF file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from lib.twin import gguf_file, weights


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if value and isinstance(value[0], str):
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return text(key) + struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)


def card(path: Path, **facts: Any) -> gguf_file.ModelFileInfo:
    pairs = {"general.architecture": "llama", **facts}
    body = b"".join(pair(key.replace("__", "."), value) for key, value in pairs.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body)
    return gguf_file.read_info(path)


def test_shipped() -> None:
    card = gguf_file.read_info(weights.ensure_weights())
    assert (card.name, card.context_length, card.bos_text) == ("Smollm2 135M 8k Lc100K Mix1 Ep2", 8192, "")
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(card.control_tokens) < set(card.tokens)
    assert len(card.tokens) == 49152


def test_without_a_name(tmp_path: Path) -> None:
    assert card(tmp_path / "mine.gguf") == gguf_file.ModelFileInfo("mine", 0, "")


TOKENIZER = {
    "tokenizer__ggml__scores": [0.5, 1.5],
    "tokenizer__ggml__tokens": ["a", "<|begin_of_text|>"],
    "tokenizer__ggml__bos_token_id": 1,
}


@pytest.mark.parametrize(
    ("more", "opening"),
    [
        ({}, ""),
        ({"tokenizer__ggml__pre": "llama-bpe"}, "<|begin_of_text|>"),
        ({"tokenizer__ggml__add_bos_token": True}, "<|begin_of_text|>"),
        ({"tokenizer__ggml__pre": "llama-bpe", "tokenizer__ggml__add_bos_token": False}, ""),
    ],
)
def test_opening(tmp_path: Path, more: dict[str, Any], opening: str) -> None:
    name, length = "Llama 3.2 1B Instruct", 131072
    facts = {"general__name": name, "llama__context_length": length, **TOKENIZER, **more}
    assert card(tmp_path / "x.gguf", **facts) == gguf_file.ModelFileInfo(name, length, opening)


@pytest.mark.parametrize("size", [0, 3, 4, 20, 30, 100])
def test_cut_off(tmp_path: Path, size: int) -> None:
    card(tmp_path / "x.gguf", **TOKENIZER)
    (tmp_path / "x.gguf").write_bytes((tmp_path / "x.gguf").read_bytes()[:size])
    with pytest.raises(gguf_file.NotGgufError):
        gguf_file.read_info(tmp_path / "x.gguf")

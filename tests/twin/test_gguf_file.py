"""Reading GGUF files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from lib.twin import gguf_file, weights


def encode_text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def encode_pair(key: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return encode_text(key) + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return encode_text(key) + struct.pack("<II", 4, value)
    if isinstance(value, str):
        return encode_text(key) + struct.pack("<I", 8) + encode_text(value)
    if value and isinstance(value[0], str):
        return encode_text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(encode_text, value))
    return encode_text(key) + struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)


def write_model(path: Path, **facts: Any) -> gguf_file.ModelFileInfo:
    pairs = {"general.architecture": "llama", **facts}
    body = b"".join(encode_pair(key.replace("__", "."), value) for key, value in pairs.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body)
    return gguf_file.read_info(path)


def test_shipped() -> None:
    info = gguf_file.read_info(weights.ensure_weights())
    assert (info.name, info.context_length, info.bos_text) == ("Smollm2 135M 8k Lc100K Mix1 Ep2", 8192, "")
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(info.control_tokens) < set(info.tokens)
    assert len(info.tokens) == 49152


def test_without_a_name(tmp_path: Path) -> None:
    assert write_model(tmp_path / "mine.gguf") == gguf_file.ModelFileInfo("mine", 0, "")


TOKENIZER = {
    "tokenizer__ggml__scores": [0.5, 1.5],
    "tokenizer__ggml__tokens": ["a", "<|begin_of_text|>"],
    "tokenizer__ggml__bos_token_id": 1,
}


@pytest.mark.parametrize(
    ("more", "bos_text"),
    [
        ({}, ""),
        ({"tokenizer__ggml__pre": "llama-bpe"}, "<|begin_of_text|>"),
        ({"tokenizer__ggml__add_bos_token": True}, "<|begin_of_text|>"),
        ({"tokenizer__ggml__pre": "llama-bpe", "tokenizer__ggml__add_bos_token": False}, ""),
    ],
)
def test_bos_token(tmp_path: Path, more: dict[str, Any], bos_text: str) -> None:
    name, length = "Llama 3.2 1B Instruct", 131072
    facts = {"general__name": name, "llama__context_length": length, **TOKENIZER, **more}
    assert write_model(tmp_path / "x.gguf", **facts) == gguf_file.ModelFileInfo(name, length, bos_text)


@pytest.mark.parametrize("size", [0, 3, 4, 20, 30, 100])
def test_cut_off(tmp_path: Path, size: int) -> None:
    write_model(tmp_path / "x.gguf", **TOKENIZER)
    (tmp_path / "x.gguf").write_bytes((tmp_path / "x.gguf").read_bytes()[:size])
    with pytest.raises(gguf_file.NotGgufError):
        gguf_file.read_info(tmp_path / "x.gguf")

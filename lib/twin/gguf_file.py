"""What a GGUF file says about itself: its name, its context length, its first token; and what is in it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

# Value types of the GGUF format, by number: struct formats of the scalars, then string and array.
_SCALARS = "BbHhIif?"
UINT32, FLOAT32 = 4, 6
_STRING, _ARRAY = 8, 9
_CONTROL = 3  # a token's kind
_WIDE = {10: "Q", 11: "q", 12: "d"}
# Tokenizers that put the first token in front although their files may not say so (llama.cpp's rule).
_STARTS_UNSAID = {"llama-bpe", "llama3", "llama-v3"}


# What reading something else comes to: too short, a number that is no kind, a length without end.
_BROKEN = (struct.error, KeyError, IndexError, MemoryError, OverflowError, TypeError, ZeroDivisionError)


class NotGgufError(Exception):
    """The file is not a GGUF file that can be read."""


@dataclass(frozen=True)
class ModelFileInfo:
    """``opening`` is the text of the token the engine itself puts in front of every prompt; "" if none.

    ``control``: the texts of the tokens that steer the model, such as the marks of a message's begin and end.
    ``tokens`` is the vocabulary, as the file spells it.
    """

    name: str
    context_length: int
    bos_text: str
    control_tokens: tuple[str, ...] = ()
    tokens: tuple[str, ...] = field(default=(), repr=False, compare=False)


UNKNOWN_MODEL_FILE = ModelFileInfo("", 0, "")


def _take(file: BinaryIO, form: str) -> Any:
    form = "<" + form
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _string(file: BinaryIO) -> str:
    size = _take(file, "Q")
    if size > 1 << 24:
        raise NotGgufError
    return bytes(file.read(size)).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind < len(_SCALARS):
        return _take(file, _SCALARS[kind])
    if kind in _WIDE:
        return _take(file, _WIDE[kind])
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        raise NotGgufError
    inner, count = _take(file, "I"), _take(file, "Q")
    if inner == _STRING:
        return [_string(file) for _ in range(count)]
    form = _SCALARS[inner] if inner < len(_SCALARS) else _WIDE[inner]
    if form == "i":  # the kinds of the tokens
        return list(struct.unpack(f"<{count}i", file.read(4 * count)))
    file.seek(struct.calcsize("<" + form) * count, 1)  # other lists of numbers are of no interest here
    return None


@dataclass(frozen=True)
class TensorInfo:
    """``shape`` in the file's own order, the row's length first; ``kind`` is ggml's number of the number type."""

    name: str
    shape: tuple[int, ...]
    ggml_type: int
    offset: int


@dataclass(frozen=True)
class GgufContents:
    """A whole file: its facts, its tensors, and where their bytes begin.

    Of lists of numbers, the facts have those of 32-bit integers alone. ``kinds`` are the numbers of the facts' value
    types.
    """

    version: int
    metadata: dict[str, Any]
    value_types: dict[str, int]
    tensors: tuple[TensorInfo, ...]
    data_start: int


def _tensor(file: BinaryIO) -> TensorInfo:
    name, dimensions = _string(file), _take(file, "I")
    if dimensions > 4:
        raise NotGgufError
    shape = tuple(_take(file, "Q") for _ in range(dimensions))
    return TensorInfo(name, shape, _take(file, "I"), _take(file, "Q"))


def _facts(file: BinaryIO) -> tuple[int, int, dict[str, Any], dict[str, int]]:
    """Version, count of tensors, the facts and their kinds."""
    if file.read(4) != b"GGUF":
        raise NotGgufError
    version, tensors, count = _take(file, "I"), _take(file, "Q"), _take(file, "Q")
    if count > 1 << 16:
        raise NotGgufError
    facts: dict[str, Any] = {}
    kinds: dict[str, int] = {}
    for _ in range(count):
        key = _string(file)
        kinds[key] = _take(file, "I")
        facts[key] = _value(file, kinds[key])
    return version, tensors, facts, kinds


def read_contents(path: Path) -> GgufContents:
    """All that a file says about what is in it. Raises NotGgufError, OSError."""
    try:
        with path.open("rb") as file:
            version, count, facts, kinds = _facts(file)
            if count > 1 << 16:
                raise NotGgufError
            tensors = tuple(_tensor(file) for _ in range(count))
            alignment = facts.get("general.alignment", 32)
            return GgufContents(version, facts, kinds, tensors, file.tell() + -file.tell() % alignment)
    except _BROKEN:
        raise NotGgufError from None


def read_info(path: Path) -> ModelFileInfo:
    """The file's card. Raises NotGgufError, OSError."""
    try:
        with path.open("rb") as file:
            _, _, facts, _ = _facts(file)
    except _BROKEN:
        raise NotGgufError from None
    architecture = facts.get("general.architecture", "")
    pre = facts.get("tokenizer.ggml.pre")
    first, tokens = facts.get("tokenizer.ggml.bos_token_id"), facts.get("tokenizer.ggml.tokens") or []
    starts = facts.get("tokenizer.ggml.add_bos_token", pre in _STARTS_UNSAID)
    opening = tokens[first] if starts and isinstance(first, int) and first < len(tokens) else ""
    return ModelFileInfo(
        str(facts.get("general.name") or path.stem),
        int(facts.get(f"{architecture}.context_length") or 0),
        opening,
        _control(tokens, facts.get("tokenizer.ggml.token_type")),
        tuple(tokens),
    )


def _control(tokens: list[str], kinds: list[int] | None) -> tuple[str, ...]:
    return tuple(token for token, kind in zip(tokens, kinds or (), strict=False) if kind == _CONTROL)

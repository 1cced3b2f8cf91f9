"""Read GGUF files: the metadata of a model or an adapter, and the list of its tensors."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

# Value types of the GGUF format, by number: struct formats of the scalars, then string and array.
_SCALARS = "BbHhIif?"
UINT32, FLOAT32 = 4, 6
# Types of tensors.
TENSOR_FLOAT32, TENSOR_Q4_1 = 0, 3
_STRING, _ARRAY = 8, 9
# The type of control tokens.
_CONTROL = 3
_WIDE = {10: "Q", 11: "q", 12: "d"}
# Characters of the longest token, if the file has no list of tokens. Llama 3's longest has 128.
UNKNOWN_LONGEST_TOKEN = 256
# Tokenizers that add the BOS token although their files may not say so (llama.cpp's rule).
_ADD_BOS_BY_DEFAULT = {"llama-bpe", "llama3", "llama-v3"}


# Raised while something else than a GGUF file is read: too short, an unknown type, an endless length.
_BROKEN = (struct.error, KeyError, IndexError, MemoryError, OverflowError, TypeError, ZeroDivisionError)


class NotGgufError(Exception):
    """The file is not a GGUF file that can be read."""


@dataclass(frozen=True)
class ModelFileInfo:
    """Facts about a model from its file.

    ``bos_text`` is the text of the token that the engine itself adds before every prompt, "" if it adds none.
    ``control_tokens`` are texts such as the markers of a message's start and end. ``tokens`` is the vocabulary, as
    the file spells it. ``layer_types`` has the types of the tensors of its layers. ``cache_bytes_per_token`` is the
    memory that a token of the context takes, 0 if the file does not say it. ``licence`` is an id,
    such as "apache-2.0".
    """

    name: str
    context_length: int
    bos_text: str
    control_tokens: tuple[str, ...] = ()
    tokens: tuple[str, ...] = field(default=(), repr=False, compare=False)
    layer_types: frozenset[int] = frozenset()
    cache_bytes_per_token: int = 0
    licence: str = ""

    @property
    def longest_token(self) -> int:
        """The number of characters of the longest token: of bytes, if the file spells each byte as a character."""
        return max(map(len, self.tokens), default=UNKNOWN_LONGEST_TOKEN)


UNKNOWN_MODEL_FILE = ModelFileInfo("", 0, "")


def _unpack(file: BinaryIO, form: str) -> Any:
    form = "<" + form
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _read_string(file: BinaryIO) -> str:
    size = _unpack(file, "Q")
    if size > 1 << 24:
        raise NotGgufError
    return bytes(file.read(size)).decode("utf-8", "replace")


def _read_value(file: BinaryIO, kind: int) -> Any:
    if kind < len(_SCALARS):
        return _unpack(file, _SCALARS[kind])
    if kind in _WIDE:
        return _unpack(file, _WIDE[kind])
    if kind == _STRING:
        return _read_string(file)
    if kind != _ARRAY:
        raise NotGgufError
    inner, count = _unpack(file, "I"), _unpack(file, "Q")
    if inner == _STRING:
        return [_read_string(file) for _ in range(count)]
    form = _SCALARS[inner] if inner < len(_SCALARS) else _WIDE[inner]
    # The types of the tokens.
    if form == "i":
        return list(struct.unpack(f"<{count}i", file.read(4 * count)))
    # Other lists of numbers are not needed.
    file.seek(struct.calcsize("<" + form) * count, 1)
    return None


@dataclass(frozen=True)
class TensorInfo:
    """A tensor: its ``shape`` in the file's order (row length first), and the number of its ``ggml_type``."""

    name: str
    shape: tuple[int, ...]
    ggml_type: int
    offset: int


@dataclass(frozen=True)
class GgufContents:
    """The contents of a file: its metadata, its tensors, and the offset of their data.

    Lists of numbers are in the metadata only if they are 32-bit integers. ``value_types`` has the number of the type
    of each metadata value.
    """

    version: int
    metadata: dict[str, Any]
    value_types: dict[str, int]
    tensors: tuple[TensorInfo, ...]
    data_start: int


def _read_tensor(file: BinaryIO) -> TensorInfo:
    name, dimensions = _read_string(file), _unpack(file, "I")
    if dimensions > 4:
        raise NotGgufError
    shape = tuple(_unpack(file, "Q") for _ in range(dimensions))
    return TensorInfo(name, shape, _unpack(file, "I"), _unpack(file, "Q"))


def _read_metadata(file: BinaryIO) -> tuple[int, int, dict[str, Any], dict[str, int]]:
    """Return the version, the number of tensors, the metadata, and the types of its values."""
    if file.read(4) != b"GGUF":
        raise NotGgufError
    version, tensors, count = _unpack(file, "I"), _unpack(file, "Q"), _unpack(file, "Q")
    if count > 1 << 16:
        raise NotGgufError
    metadata: dict[str, Any] = {}
    value_types: dict[str, int] = {}
    for _ in range(count):
        key = _read_string(file)
        value_types[key] = _unpack(file, "I")
        metadata[key] = _read_value(file, value_types[key])
    return version, tensors, metadata, value_types


def read_contents(path: Path) -> GgufContents:
    """Read the metadata and the list of tensors. Raises NotGgufError, OSError."""
    try:
        with path.open("rb") as file:
            version, count, metadata, value_types = _read_metadata(file)
            if count > 1 << 16:
                raise NotGgufError
            tensors = tuple(_read_tensor(file) for _ in range(count))
            alignment = metadata.get("general.alignment", 32)
            data_start = file.tell() + -file.tell() % alignment
            return GgufContents(version, metadata, value_types, tensors, data_start)
    except _BROKEN:
        raise NotGgufError from None


def read_info(path: Path) -> ModelFileInfo:
    """Read the facts about a model. Raises NotGgufError, OSError."""
    contents = read_contents(path)
    metadata = contents.metadata
    architecture = metadata.get("general.architecture", "")
    pre = metadata.get("tokenizer.ggml.pre")
    bos_id: Any = metadata.get("tokenizer.ggml.bos_token_id")
    tokens: list[str] = metadata.get("tokenizer.ggml.tokens") or []
    adds_bos = metadata.get("tokenizer.ggml.add_bos_token", pre in _ADD_BOS_BY_DEFAULT)
    typed_tokens = zip(tokens, metadata.get("tokenizer.ggml.token_type") or (), strict=False)
    has_bos = adds_bos and isinstance(bos_id, int) and bos_id < len(tokens)
    return ModelFileInfo(
        str(metadata.get("general.name") or path.stem),
        int(metadata.get(f"{architecture}.context_length") or 0),
        tokens[bos_id] if has_bos else "",
        tuple(token for token, token_type in typed_tokens if token_type == _CONTROL),
        tuple(tokens),
        frozenset(tensor.ggml_type for tensor in contents.tensors if tensor.name.startswith("blk.")),
        _cache_bytes_per_token(metadata, architecture),
        str(metadata.get("general.license") or ""),
    )


def _cache_bytes_per_token(metadata: Mapping[str, Any], architecture: str) -> int:
    """Return the bytes of a token's keys and values in all layers: 16 bits for each number."""

    def read(name: str) -> int:
        value = metadata.get(f"{architecture}.{name}")
        # Some models have a list, with a number for each layer.
        numbers = value if isinstance(value, list) else [value]
        return max((number for number in numbers if isinstance(number, int)), default=0)

    heads = read("attention.head_count")
    # A head of a key or of a value has this length, unless the file says otherwise.
    length = read("embedding_length") // heads if heads else 0
    lengths = sum(read(f"attention.{part}_length") or length for part in ("key", "value"))
    return 2 * read("block_count") * (read("attention.head_count_kv") or heads) * lengths

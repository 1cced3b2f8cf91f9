"""The shipped model without most of its layers, for tests in which the words of an answer do not matter.

Its tokens, template and numbers are the shipped ones, but it reads a prompt in a fifteenth of the time.
"""

from __future__ import annotations

import struct
from pathlib import Path

from lib.twin.gguf_file import UINT32, GgufContents, TensorInfo, read_contents

# The shipped model has 30.
LAYERS = 2
_ALIGNMENT = 32


def write_short_model(model: Path, target: Path, layers: int = LAYERS) -> Path:
    """Write a model's file again with its first layers only."""
    contents, data = read_contents(model), model.read_bytes()
    count = b"llama.block_count" + struct.pack("<I", UINT32)
    count_start = data.index(count) + len(count)
    first = contents.tensors[0].name.encode()
    head = bytearray(data[: data.index(struct.pack("<Q", len(first)) + first, count_start)])
    head[count_start : count_start + 4] = struct.pack("<I", layers)
    kept = [tensor for tensor in contents.tensors if _layer(tensor) < layers]
    head[8:16] = struct.pack("<Q", len(kept))
    body = b""
    for tensor in kept:
        head += _describe(tensor, len(body))
        body += _pad(_tensor_data(data, contents, tensor))
    target.write_bytes(_pad(bytes(head)) + body)
    return target


def _layer(tensor: TensorInfo) -> int:
    part, _, rest = tensor.name.partition(".")
    return int(rest.partition(".")[0]) if part == "blk" else 0


def _describe(tensor: TensorInfo, offset: int) -> bytes:
    name = tensor.name.encode()
    shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
    return struct.pack("<Q", len(name)) + name + shape + struct.pack("<IQ", tensor.ggml_type, offset)


def _tensor_data(data: bytes, contents: GgufContents, tensor: TensorInfo) -> bytes:
    later = (other.offset for other in contents.tensors if other.offset > tensor.offset)
    end = min(later, default=len(data) - contents.data_start)
    return data[contents.data_start + tensor.offset : contents.data_start + end]


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)

"""Decode the API's list of fine-tunes: the LoRA adapters that an account can name in a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.api import wire


@dataclass(frozen=True)
class LoraAdapter:
    """An adapter for ``model``; ``is_public`` is False for the account's own."""

    id: str
    name: str
    model: str
    description: str
    is_public: bool


def decode_adapters(text: str) -> tuple[LoraAdapter, ...]:
    """Return the adapters in a server's answer, without entries of another shape."""
    return tuple(_decode_values(wire.envelope_result(text)))


def _decode_values(value: Any) -> Iterator[LoraAdapter]:
    match value:
        case list():  # [DOC] the example of the documentation nests arrays: [[{…}]]
            for entry in value:
                yield from _decode_values(entry)
        case {"id": str(id), "name": str(name)}:
            yield LoraAdapter(
                id,
                name,
                str(value.get("model") or ""),
                str(value.get("description") or ""),
                bool(value.get("public")),
            )

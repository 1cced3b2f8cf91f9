"""Adapter: a LoRA adapter that an account can name in a request, from the API's list of fine-tunes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.api import wire


@dataclass(frozen=True)
class LoraAdapter:
    """One of the list. ``model`` is the one that it was made for; ``public``: everybody's, not the account's own."""

    id: str
    name: str
    model: str
    description: str
    is_public: bool


def decode_adapters(text: str) -> tuple[LoraAdapter, ...]:
    """The adapters in a server's answer; what is none of them is passed over."""
    return tuple(_decode_values(wire.envelope_result(text)))


def _decode_values(value: Any) -> Iterator[LoraAdapter]:
    match value:
        case list():  # [DOC] the example of the documentation nests arrays: [[{…}]]
            for one in value:
                yield from _decode_values(one)
        case {"id": str(id), "name": str(name)}:
            yield LoraAdapter(
                id,
                name,
                str(value.get("model") or ""),
                str(value.get("description") or ""),
                bool(value.get("public")),
            )

"""One generation of the engine: the job that it gets, and the pieces of the answer that it yields."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class GenerationJob:
    """A request to the engine: either ``prompt`` (raw text) or ``messages`` (role, content; for the chat template).

    The defaults are neutral: a parameter at its default does not change the model's probabilities. The answer is JSON
    that fits ``json_schema``, if one is given. ``chat`` has messages and tools for a chat template that supports
    tools. ``adapter`` is the index of a LoRA adapter in the engine's list. ``reject_if_busy``: it does not wait for a
    slot.
    """

    max_tokens: int
    temperature: float
    prompt: str | None = None
    messages: tuple[tuple[str, str], ...] = ()
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    chat: Mapping[str, Any] | None = None
    adapter: int | None = None
    reject_if_busy: bool = False


@dataclass(frozen=True)
class TextPiece:
    """Text of the answer: one or more whole characters. Only the first piece has ``prompt_tokens``."""

    text: str
    prompt_tokens: int = 0


@dataclass(frozen=True)
class ToolCallPiece:
    """A tool call. ``arguments`` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class EndPiece:
    """The end of the answer, with exact counts. ``completion_tokens`` includes the end token."""

    reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


Piece = TextPiece | ToolCallPiece | EndPiece
Pieces = AsyncGenerator[Piece, None]

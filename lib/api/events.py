"""What a model sends while it answers, as values: text, reasoning, tool calls, usage, the end."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """The next piece of what a model thinks before it answers."""

    text: str


@dataclass(frozen=True)
class ToolCallDelta:
    """A tool call, whole or a piece of one; pieces of the same ``index`` belong together.

    ``arguments`` is JSON text, or a part of it.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True)
class Usage:
    """Tokens that were counted for one request, or for several added up.

    ``neurons`` is what the backend itself billed, None where it does not say.
    ``estimated`` marks a guess from the text's length, made where the wire gave no usage.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    neurons: Decimal | None = None
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        neurons = None if self.neurons is None or other.neurons is None else self.neurons + other.neurons
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            neurons,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True)
class Finished:
    """The backend said that the answer is whole. ``reason`` as the wire gives it, None where it gives none."""

    reason: str | None = None


Event = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finished

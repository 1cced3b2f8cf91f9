"""Events of an answer as values: text, reasoning, tool calls, usage, the end."""

from __future__ import annotations

from dataclasses import dataclass

from lib.model.usage import Usage


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """The next piece of a model's reasoning before its answer."""

    text: str


@dataclass(frozen=True)
class ToolCallDelta:
    """A tool call or a piece of one; pieces of the same ``index`` belong together.

    ``arguments`` is JSON text, or a part of it.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True)
class Finished:
    """The backend declared the answer complete, with its own ``reason`` if it sent one."""

    reason: str | None = None


@dataclass(frozen=True)
class FromGatewayCache:
    """The AI Gateway gives this answer from its cache: nothing of it is billed. Comes before all other events."""


Event = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finished | FromGatewayCache

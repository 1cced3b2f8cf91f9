"""A finished answer: its text, request, usage, timings and ending."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from lib.api.request import Request
from lib.api.trace import Trace
from lib.errors import PaddockError
from lib.model.request_options import ToolCall
from lib.model.usage import Usage


class Ending(Enum):
    """Why an answer ended."""

    FINISHED = "finished"
    LENGTH = "reached max_tokens"
    CONTEXT = "filled the context window"
    TOOL_CALLS = "calls tools"
    STOPPED = "stopped"
    CUT_OFF = "cut off"
    ERROR = "error"

    @property
    def label(self) -> str:
        """Return the words for it on the page. Exported files keep the values."""
        return _ENDING_LABELS.get(self, self.value)

    @property
    def is_complete(self) -> bool:
        """True if the model or a limit ended the answer."""
        return self in (Ending.FINISHED, Ending.LENGTH, Ending.CONTEXT, Ending.TOOL_CALLS)


_ENDING_LABELS = {
    Ending.LENGTH: "stopped at your length limit",
    Ending.CONTEXT: "stopped: the model has no room left",
    Ending.TOOL_CALLS: "asks for a tool",
}


@dataclass(frozen=True)
class Timings:
    """Seconds from the request to the first text, thought or call (None if there was none) and to the end."""

    first_token: float | None
    total: float


@dataclass(frozen=True)
class Answer:
    """The outcome of a run. ``backend`` is the name on the page; ``billed`` is True if the answer costs money.

    ``trace`` records what went over the wire, or is None: the store keeps it apart. Two answers that differ in it
    only are equal.
    """

    text: str
    request: Request
    backend: str
    billed: bool
    usage: Usage | None
    timings: Timings
    ending: Ending
    error: PaddockError | None = None
    calls: tuple[ToolCall, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    trace: Trace | None = field(default=None, compare=False, repr=False)

    @property
    def was_streamed(self) -> bool:
        """True if its text arrived piece by piece."""
        return self.request.stream and not self.calls

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens per second after the first one, None for too short an answer.

        A tool call or an answer without streaming arrives in one piece, so its time counts from the request.
        """
        if self.usage is None or self.timings.first_token is None or self.usage.completion_tokens < 2:
            return None
        if not self.was_streamed:
            return self.usage.completion_tokens / self.timings.total if self.timings.total > 0 else None
        seconds = self.timings.total - self.timings.first_token
        return (self.usage.completion_tokens - 1) / seconds if seconds > 0 else None


def total_usage(answers: Iterable[Answer]) -> Usage | None:
    """Add up the usage of several answers, each counted once; None if no answer has any."""
    distinct = {answer.id: answer.usage for answer in answers if answer.usage is not None}
    usages = list(distinct.values())
    return sum(usages[1:], usages[0]) if usages else None


def tool_calls_as_json(calls: Iterable[ToolCall]) -> list[dict[str, str]]:
    """Return tool calls as JSON values, for exported files."""
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


def text_or_calls(text: str, calls: Sequence[ToolCall]) -> str:
    """Return the text, or the calls as JSON if there is no text: for files with one place for both."""
    return text if text.strip() or not calls else json.dumps(tool_calls_as_json(calls), ensure_ascii=False)


def call_signatures(calls: Iterable[ToolCall]) -> list[str]:
    """Return each call as ``name(arguments)``, for people."""
    return [f"{call.name}({call.arguments})" for call in calls]

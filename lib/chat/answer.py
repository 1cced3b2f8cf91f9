"""What is known of one answer once it has ended: its text, the request behind it, usage, timings, the ending."""

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
    def is_complete(self) -> bool:
        """Whether nothing cut it short but the model itself, or a bound that it was given."""
        return self in (Ending.FINISHED, Ending.LENGTH, Ending.CONTEXT, Ending.TOOL_CALLS)


@dataclass(frozen=True)
class Timings:
    """Seconds since the request was sent: to the first text (None: none came) and to the end."""

    first_token: float | None
    total: float


@dataclass(frozen=True)
class Answer:
    """One run's outcome. ``backend`` is its name as shown, ``billed`` whether it costs money.

    ``calls`` are the tool calls in it. ``trace`` is what really went over the wire, None where it is not at hand
    (the store keeps it apart); it is no part of what makes two answers the same.
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
        """Whether its text came piece by piece."""
        return self.request.stream and not self.calls

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second from the first text to the end, None where too little came to tell.

        What comes in one piece, as a call or a whole answer does, was being made from the sending on.
        """
        if self.usage is None or self.timings.first_token is None or self.usage.completion_tokens < 2:
            return None
        if not self.was_streamed:
            return self.usage.completion_tokens / self.timings.total if self.timings.total > 0 else None
        seconds = self.timings.total - self.timings.first_token
        return (self.usage.completion_tokens - 1) / seconds if seconds > 0 else None


def total_usage(answers: Iterable[Answer]) -> Usage | None:
    """The usage of several answers added up, None where none has any. An answer that comes twice counts once."""
    distinct = {answer.id: answer.usage for answer in answers if answer.usage is not None}
    usages = list(distinct.values())
    return sum(usages[1:], usages[0]) if usages else None


def tool_calls_as_json(calls: Iterable[ToolCall]) -> list[dict[str, str]]:
    """Tool calls as JSON values, for files that are read elsewhere."""
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


def text_or_calls(text: str, calls: Sequence[ToolCall]) -> str:
    """The text, or, where there is none, the calls as JSON: for a file with one place for both."""
    return text if text.strip() or not calls else json.dumps(tool_calls_as_json(calls), ensure_ascii=False)


def call_signatures(calls: Iterable[ToolCall]) -> list[str]:
    """Return each call as ``name(arguments)``, for people."""
    return [f"{call.name}({call.arguments})" for call in calls]

"""Accumulate the events of an answer, and build the Answer at their end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from lib.api.backend import Backend
from lib.api.events import Event, Finished, FromGatewayCache, ReasoningDelta, TextDelta, ToolCallDelta
from lib.api.request import Request
from lib.api.trace import Trace
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import CutOff, PaddockError
from lib.model.model_record import Model
from lib.model.pricing import estimate_tokens
from lib.model.request_options import ToolCall
from lib.model.usage import Usage

Clock = Callable[[], float]


class AnswerAccumulator:
    """Collects the events of one answer.

    ``parts`` and ``thoughts`` only grow, so readers need no lock. ``is_complete`` is True once the backend declared
    the stream's end. ``first_token_at`` is the time of the first text, thought or tool call, all of which are tokens.
    """

    def __init__(
        self, backend: Backend, model: Model, request: Request, clock: Clock = time.monotonic
    ) -> None:
        self.parts: list[str] = []
        self.thoughts: list[str] = []
        self.is_complete = False
        self.started_at = clock()
        self.first_token_at: float | None = None
        self._backend = backend
        self._model = model
        self._request = request
        self._clock = clock
        self._deltas: list[ToolCallDelta] = []
        self._usage: Usage | None = None
        self._has_last_usage = False
        self._reason: str | None = None
        self._from_gateway_cache = False

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def called_tool_names(self) -> tuple[str, ...]:
        return tuple(delta.name for delta in self._deltas if delta.name)

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._begin()
                self.parts.append(text)
            case Usage():
                self._usage = event  # the last usage counts: some backends send one with every event
                self._has_last_usage = self._reason is not None
            case Finished(None):
                self.is_complete = True
            case Finished(reason):
                self._reason = reason  # the usage may still follow
            case ToolCallDelta():
                self._begin()
                self._deltas.append(event)
            case ReasoningDelta(text):
                self._begin()
                self.thoughts.append(text)
            case FromGatewayCache():
                self._from_gateway_cache = True

    def _begin(self) -> None:
        if self.first_token_at is None:
            self.first_token_at = self._clock()

    def build_answer(
        self, *, stopped: bool = False, error: PaddockError | None = None, trace: Trace | None = None
    ) -> Answer:
        """Return the answer, now that no more events follow."""
        now = self._clock()
        # Some servers end a stream with the model's reason to end, and no [DONE].
        was_ended = self._reason is not None and error is None and not stopped
        # A call that was cut off cannot be answered.
        calls = join_tool_calls(self._deltas) if self.is_complete or was_ended else ()
        usage = self._usage
        if usage is None or not (self.is_complete or self._has_last_usage):
            # Before the answer's end, a usage may be an increment, so it is not trusted.
            usage = self._estimate()
        if usage is not None and self._from_gateway_cache:
            usage = replace(usage, from_gateway_cache=True)
        return Answer(
            text=self.text,
            request=self._request,
            backend=self._backend.name,
            billed=self._backend.billed,
            usage=usage,
            timings=Timings(
                None if self.first_token_at is None else self.first_token_at - self.started_at,
                now - self.started_at,
            ),
            ending=self._determine_ending(stopped, error, usage, calls),
            error=error,
            calls=calls,
            trace=trace,
        )

    def _estimate(self) -> Usage | None:
        arguments = "".join(delta.arguments for delta in self._deltas)
        if not self.parts and not arguments:
            return None  # nothing arrived, so probably nothing was counted
        tokens = estimate_tokens(self.text + arguments)
        return Usage(self._request.estimated_prompt_tokens(), tokens, estimated=True)

    def _determine_ending(
        self, stopped: bool, error: PaddockError | None, usage: Usage | None, calls: tuple[ToolCall, ...]
    ) -> Ending:
        if stopped:
            return Ending.STOPPED
        if error is not None:
            return Ending.CUT_OFF if isinstance(error, CutOff) else Ending.ERROR
        if calls:
            return Ending.TOOL_CALLS
        if usage is None or usage.estimated:
            return Ending.LENGTH if self._reason == "length" else Ending.FINISHED
        # The native stream sends no reason; an answer as long as its limit was cut there.
        limit = self._model.answer_limit(self._request.parameters)
        if limit is not None and usage.completion_tokens >= limit:
            return Ending.LENGTH
        if usage.total_tokens >= (self._backend.context_window or self._model.context_window):
            return Ending.CONTEXT
        return Ending.LENGTH if self._reason == "length" else Ending.FINISHED


def join_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Return the calls in the order in which they began. Deltas of one index belong together, unless the id changes.

    The flat shape has no ids; such a call gets one, because its result must name it.
    """
    calls: list[ToolCall] = []
    arguments: list[list[str]] = []  # the pieces of each call, joined once: there may be 100,000
    position_by_index: dict[int, int] = {}
    for delta in deltas:
        position = position_by_index.get(delta.index)
        if position is None or _begins_another_call(calls[position], delta):
            position_by_index[delta.index] = len(calls)
            calls.append(ToolCall(delta.id or "", delta.name or "", ""))
            arguments.append([delta.arguments])
        else:
            call = calls[position]
            calls[position] = ToolCall(call.id or delta.id or "", call.name or delta.name or "", "")
            arguments[position].append(delta.arguments)
    return tuple(
        ToolCall(call.id or f"call_{uuid.uuid4().hex[:12]}", call.name, "".join(pieces) or "{}")
        for call, pieces in zip(calls, arguments, strict=True)
    )


def _begins_another_call(call: ToolCall, delta: ToolCallDelta) -> bool:
    """Return True if a delta of the same index begins a call: some servers number each event's calls from 0."""
    if delta.id and call.id and delta.id != call.id:
        return True
    return bool(delta.name and call.name and not delta.id and not call.id)


def strip_traceback(error: PaddockError) -> PaddockError:
    """Remove the traceback and causes of an error: their frames hold the token, and answers are kept."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def internal_error(error: Exception) -> PaddockError:
    """Return the error that a bug in Paddock is shown as."""
    return PaddockError(
        f"Paddock itself failed ({type(error).__name__}).",
        advice="Retry. If it happens again, please report it.",
        retryable=True,
    )

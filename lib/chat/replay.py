"""Replay a finished answer at the pace at which it came. Nothing is sent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lib.api import wire
from lib.api.events import TextDelta
from lib.api.request import Request
from lib.api.trace import Exchange, Trace
from lib.chat.answer import Answer
from lib.chat.answer_accumulator import Clock
from lib.chat.conversation import Message
from lib.errors import PaddockError

_WORD = re.compile(r"\S+\s*|\s+")
# Seconds between two looks while no text is due, so that a watcher can draw the waiting.
_MAX_WAIT = 0.25


@dataclass(frozen=True)
class TimedText:
    """A piece of an answer and the second at which it came."""

    seconds: float
    text: str


@dataclass(frozen=True)
class Recording:
    """An answer's text with its times. ``text_before`` was there before, such as a beginning that the user wrote.

    ``is_exact`` is False if the times of a part were not recorded: its words are spread evenly over its duration.
    """

    request: Request
    text_before: str
    pieces: tuple[TimedText, ...]
    seconds: float
    is_exact: bool


def record_message(message: Message, load_trace: Callable[[Answer], Trace | None]) -> Recording | None:
    """Return the recording of a message, None if no model wrote it. ``load_trace`` returns an answer's trace."""
    if not message.answers:
        return None
    pieces: list[TimedText] = []
    begun, is_exact = 0.0, True
    for answer in message.answers:
        trace = load_trace(answer)
        timed = None if trace is None else _recorded_pieces(answer, trace)
        if timed is None:
            is_exact = False
            timed = list(_even_pieces(answer))
        pieces += [TimedText(begun + piece.seconds, piece.text) for piece in timed]
        begun += answer.timings.total
    text = "".join(piece.text for piece in pieces)
    if not message.content.endswith(text):
        # The text was edited afterwards: what is replayed is what is shown.
        pieces, text, is_exact = list(_spread(message.content, 0.0, begun)), message.content, False
    before = message.content[: len(message.content) - len(text)]
    return Recording(message.answers[-1].request, before, tuple(pieces), begun, is_exact)


def _recorded_pieces(answer: Answer, trace: Trace) -> list[TimedText] | None:
    """Return the pieces that the trace recorded, None if they are not the answer's text."""
    exchanges = trace.exchanges()
    pieces = [] if not exchanges else list(_decode_pieces(exchanges[-1]))
    # A stopped answer may lack the piece that was received last.
    received, length = "".join(piece.text for piece in pieces), len(answer.text)
    if received[:length] != answer.text:
        return None
    timed: list[TimedText] = []
    for piece in pieces:
        timed.append(TimedText(piece.seconds, piece.text[:length]))
        length -= len(timed[-1].text)
    return timed


def _decode_pieces(exchange: Exchange) -> Iterator[TimedText]:
    is_streamed = dict(exchange.response_headers).get("content-type", "").startswith("text/event-stream")
    decode = wire.decode_event if is_streamed else wire.decode_answer
    for event in exchange.events:
        try:
            for part in decode(event.data):
                if isinstance(part, TextDelta):
                    yield TimedText(event.seconds, part.text)
        except PaddockError:
            return  # the answer ended with it


def _even_pieces(answer: Answer) -> Iterator[TimedText]:
    first = answer.timings.first_token or 0.0
    return _spread(answer.text, first if answer.was_streamed else answer.timings.total, answer.timings.total)


def _spread(text: str, first: float, last: float) -> Iterator[TimedText]:
    words = _WORD.findall(text)
    step = (last - first) / max(len(words) - 1, 1)
    return (TimedText(first + number * step, word) for number, word in enumerate(words))


class Replay:
    """A recording that is played. It is read like a run that is in flight (``lib.chat.answer_run``)."""

    pending_retry: tuple[PaddockError, float] | None = None
    called_tool_names: tuple[str, ...] = ()

    def __init__(self, recording: Recording, clock: Clock = time.monotonic) -> None:
        self.recording = recording
        self.request = recording.request
        self._clock = clock
        self._played = 0.0  # seconds up to the last pause
        self._resumed_at: float | None = clock()

    @property
    def is_paused(self) -> bool:
        return self._resumed_at is None

    @property
    def seconds(self) -> float:
        """The second of the recording that is being played."""
        return self._played + (0.0 if self._resumed_at is None else self._clock() - self._resumed_at)

    @property
    def is_running(self) -> bool:
        return self.seconds < self.recording.seconds

    @property
    def parts(self) -> list[str]:
        """The pieces that have come so far."""
        now = self.seconds
        return [piece.text for piece in self.recording.pieces if piece.seconds <= now]

    def pause(self) -> None:
        self._played, self._resumed_at = self.seconds, None

    def resume(self) -> None:
        self._resumed_at = self._clock()

    def follow(self, interval: float) -> Iterator[str]:
        """Yield new text at most every ``interval`` seconds, until the replay ends or is paused."""
        count = 0
        while True:
            running = self.is_running  # read before the parts: no tail is lost
            new = self.parts[count:] if running else self._pieces_from(count)
            count += len(new)
            yield "".join(new)
            if not running or self.is_paused:
                return
            time.sleep(interval if new else self._seconds_to_next(count))

    def _pieces_from(self, count: int) -> list[str]:
        return [piece.text for piece in self.recording.pieces[count:]]

    def _seconds_to_next(self, count: int) -> float:
        pieces = self.recording.pieces
        due = pieces[count].seconds if count < len(pieces) else self.recording.seconds
        return min(max(due - self.seconds, 0.0), _MAX_WAIT)

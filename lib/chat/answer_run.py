"""Run one request in a thread of its own. The page watches it; only stop() ends it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from lib.api.backend import Backend
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.client import WorkersAI
from lib.api.request import Request
from lib.api.trace import TraceRecorder
from lib.chat.answer import Answer
from lib.chat.answer_accumulator import AnswerAccumulator, Clock, internal_error, strip_traceback
from lib.errors import PaddockError
from lib.model.model_record import Model


class AnswerRun:
    """A request in flight.

    ``parts`` only grows: readers slice it by index, without a lock. Read ``is_running`` before slicing, so that the
    last text is never missed. ``on_end`` is called with the answer, in the run's thread. ``pending_retry`` is the
    error of the last attempt, and the time of the next one, during the wait between them.
    """

    def __init__(
        self,
        client: WorkersAI,
        backend: Backend,
        model: Model,
        request: Request,
        on_end: Callable[[Answer], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self.request = request
        self.answer_id = uuid.uuid4().hex
        self.backend = backend
        self.last_watched_at = clock()
        self._accumulator = AnswerAccumulator(backend, model, request, clock)
        self.parts = self._accumulator.parts
        self.pending_retry: tuple[PaddockError, float] | None = None
        self._client = client
        self._on_end = on_end
        self._clock = clock
        self._cancel_token = CancelToken()
        self._answer: Answer | None = None
        self._changed = threading.Condition()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._thread = threading.Thread(target=self._stream_to_end, name="paddock-run", daemon=True)

    def start(self) -> AnswerRun:
        """Send the request, and return the run itself."""
        self._thread.start()
        return self

    @property
    def is_running(self) -> bool:
        return self._answer is None

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def reasoning(self) -> str:
        """The thoughts of a model that thinks before it answers. They are not part of the answer."""
        return "".join(self._accumulator.thoughts)

    @property
    def called_tool_names(self) -> tuple[str, ...]:
        return self._accumulator.called_tool_names

    @property
    def first_token(self) -> float | None:
        """Seconds from the request to the first text, None before it."""
        first = self._accumulator.first_token_at
        return None if first is None else first - self._accumulator.started_at

    @property
    def seconds(self) -> float:
        """Seconds since the request."""
        return self._clock() - self._accumulator.started_at

    @property
    def answer(self) -> Answer:
        """The answer of a run that has ended."""
        assert self._answer is not None, "the run has not ended"  # noqa: S101
        return self._answer

    def stop(self) -> None:
        """Cancel the request at once, here and at the server; the text so far is kept."""
        self._cancel_token.cancel()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def read_parts(self, count: int) -> tuple[bool, list[str]]:
        """Return whether more text may follow, and the parts after the first ``count``. Counts as watching."""
        self.last_watched_at = self._clock()
        running = self.is_running  # read before slicing: no tail is lost
        return running, self.parts[count:]

    def read_thoughts(self, count: int) -> list[str]:
        """Return the parts of the model's thoughts after the first ``count``."""
        return self._accumulator.thoughts[count:]

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` in the run's thread for each new text, and at the end."""
        with self._changed:
            self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        with self._changed:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def follow(self, interval: float, count: int = 0) -> Iterator[str]:
        """Yield the text after the first ``count`` parts, at most every ``interval`` seconds, until the run ends.

        Yields an empty string when there is no new text for a while, so that the watcher can draw the waiting.
        """
        while True:
            running, new = self.read_parts(count)
            count += len(new)
            yield "".join(new)
            if not running:
                return
            if new:
                time.sleep(interval)
            else:
                self._wait_for_more(count)

    def _wait_for_more(self, count: int) -> None:
        """Sleep until text arrives: the first token is drawn at once, not at the next tick."""
        with self._changed:
            if self.is_running and len(self.parts) == count:
                self._changed.wait(0.25)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def _on_retry(self, attempt: int, wait: float, error: PaddockError) -> None:
        self.pending_retry = (error, self._clock() + wait)
        self._notify()

    def _stream_to_end(self) -> None:
        error: PaddockError | None = None
        recorder = TraceRecorder(self.backend.secrets)
        accumulator, stopped = self._accumulator, False
        try:
            events = self._client.stream(
                self.backend, self.request, self._cancel_token, self._on_retry, recorder
            )
            for event in events:
                count = len(self.parts)
                accumulator.add(event)
                if len(self.parts) > count:
                    self.pending_retry = None
                    self._notify()
                if self._cancel_token.is_cancelled and not accumulator.is_complete:
                    raise Cancelled
        except Cancelled:
            stopped = True
        except PaddockError as failed:
            error = strip_traceback(failed)
        except Exception as failed:  # a bug must not lose the text; the answer shows it
            error = internal_error(failed)
        answer = accumulator.build_answer(stopped=stopped, error=error, trace=recorder.trace())
        # A copy that was saved while it came is recognized by the id.
        answer = replace(answer, id=self.answer_id)
        self.pending_retry = None
        try:
            self._on_end(answer)
        finally:  # watchers are released even if on_end fails
            self._answer = answer
            self._notify()

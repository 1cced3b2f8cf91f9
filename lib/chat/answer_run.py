"""Run: one request in flight in its own thread. The page watches it; only stop() ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from lib.api.backend import Backend
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.client import WorkersAI
from lib.api.request import Request
from lib.api.trace import TraceRecorder
from lib.chat.answer import Answer
from lib.chat.answer_accumulator import AnswerAccumulator, internal_error, strip_traceback
from lib.errors import PaddockError
from lib.model.model_record import Model

Clock = Callable[[], float]


class AnswerRun:
    """One request on its way.

    ``parts`` only ever grows: readers slice it by index, without a lock. Read ``running`` before slicing, so that
    the tail that comes with the end is never missed. ``on_end`` is called in the run's thread, with the answer.
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
        self.backend = backend
        self.last_watched_at = clock()
        self._reception = AnswerAccumulator(backend, model, request, clock)
        self.parts = self._reception.parts
        self.pending_retry: tuple[PaddockError, float] | None = (
            None  # before a retry: what failed, and until when
        )
        self._client = client
        self._on_end = on_end
        self._clock = clock
        self._stop = CancelToken()
        self._answer: Answer | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="paddock-run", daemon=True)

    def start(self) -> AnswerRun:
        """Send the request. Returns the run itself."""
        self._thread.start()
        return self

    @property
    def is_running(self) -> bool:
        """Whether text may still come."""
        return self._answer is None

    @property
    def text(self) -> str:
        """What has come so far."""
        return "".join(self.parts)

    @property
    def called_tool_names(self) -> tuple[str, ...]:
        """The names of the tools that are being called, as far as they have come."""
        return self._reception.called_tool_names

    @property
    def first_token(self) -> float | None:
        """Seconds from the sending to the first text, None before it."""
        first = self._reception.first_text_at
        return None if first is None else first - self._reception.started_at

    @property
    def seconds(self) -> float:
        """How long it has been on its way."""
        return self._clock() - self._reception.started_at

    @property
    def answer(self) -> Answer:
        """What became of it. Only once it no longer runs."""
        assert self._answer is not None, "the run has not ended"  # noqa: S101
        return self._answer

    def stop(self) -> None:
        """End it at once, here and upstream; what came is kept."""
        self._stop.cancel()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, at most that many seconds."""
        self._thread.join(timeout)

    def read_parts(self, seen: int) -> tuple[bool, list[str]]:
        """Whether more may come, and the parts after the first ``seen`` ones. Somebody is looking."""
        self.last_watched_at = self._clock()
        running = self.is_running  # read before slicing: no tail is lost
        return running, self.parts[seen:]

    def follow(self, interval: Callable[[], float]) -> Iterator[str]:
        """New text as it comes, then every ``interval()`` seconds at most; ends with the run.

        An empty string comes where nothing new has, so that the watcher can draw the waiting.
        """
        seen = 0
        while True:
            running, new = self.read_parts(seen)
            seen += len(new)
            yield "".join(new)
            if not running:
                return
            if new:
                time.sleep(interval())
            else:
                self._wait_for_more(seen)

    def _wait_for_more(self, seen: int) -> None:
        """Sleep until text comes: the first token is drawn at once, not at the next tick."""
        with self._changed:
            if self.is_running and len(self.parts) == seen:
                self._changed.wait(0.25)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_retry(self, attempt: int, wait: float, error: PaddockError) -> None:
        self.pending_retry = (error, self._clock() + wait)
        self._notify()

    def _work(self) -> None:
        error: PaddockError | None = None
        recorder = TraceRecorder(self.backend.token.reveal())
        reception, stopped = self._reception, False
        try:
            events = self._client.stream(self.backend, self.request, self._stop, self._on_retry, recorder)
            for event in events:
                seen = len(self.parts)
                reception.add(event)
                if len(self.parts) > seen:
                    self.pending_retry = None
                    self._notify()
                if self._stop.is_cancelled and not reception.is_complete:
                    raise Cancelled
        except Cancelled:
            stopped = True
        except PaddockError as failed:
            error = strip_traceback(failed)
        except Exception as failed:  # a bug must not lose the text: it is shown at the answer
            error = internal_error(failed)
        answer = reception.build_answer(stopped=stopped, error=error, trace=recorder.trace())
        self.pending_retry = None
        try:
            self._on_end(answer)
        finally:  # whatever its owner makes of it, nobody waits for ever
            self._answer = answer
            self._notify()

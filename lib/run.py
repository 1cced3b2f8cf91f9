"""Run: one request in flight in its own thread. The page watches it; only stop() ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from lib.answer import Answer, Ending, Timings
from lib.backend import Backend
from lib.call_pieces import gather
from lib.client import Stop, Stopped, WorkersAI
from lib.errors import CutOff, PaddockError
from lib.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from lib.features import ToolCall
from lib.model import Model
from lib.pricing import estimate_tokens
from lib.request import Request
from lib.trace import Recorder

Clock = Callable[[], float]


class Run:
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
        self.parts: list[str] = []
        self.waiting: tuple[PaddockError, float] | None = None  # before a retry: what failed, and until when
        self.last_seen = clock()
        self._client = client
        self._model = model
        self._on_end = on_end
        self._clock = clock
        self._deltas: list[ToolCallDelta] = []
        self._stop = Stop()
        self._begun = clock()
        self._first: float | None = None
        self._answer: Answer | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="paddock-run", daemon=True)

    def start(self) -> Run:
        """Send the request. Returns the run itself."""
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        """Whether text may still come."""
        return self._answer is None

    @property
    def text(self) -> str:
        """What has come so far."""
        return "".join(self.parts)

    @property
    def calling(self) -> tuple[str, ...]:
        """The names of the tools that are being called, as far as they have come."""
        return tuple(delta.name for delta in self._deltas if delta.name)

    @property
    def first_token(self) -> float | None:
        """Seconds from the sending to the first text, None before it."""
        return None if self._first is None else self._first - self._begun

    @property
    def seconds(self) -> float:
        """How long it has been on its way."""
        return self._clock() - self._begun

    @property
    def answer(self) -> Answer:
        """What became of it. Only once it no longer runs."""
        assert self._answer is not None, "the run has not ended"  # noqa: S101
        return self._answer

    def stop(self) -> None:
        """End it at once, here and upstream; what came is kept."""
        self._stop.request()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, at most that many seconds."""
        self._thread.join(timeout)

    def read(self, seen: int) -> tuple[bool, list[str]]:
        """Whether more may come, and the parts after the first ``seen`` ones. Somebody is looking."""
        self.last_seen = self._clock()
        running = self.running  # read before slicing: no tail is lost
        return running, self.parts[seen:]

    def follow(self, interval: Callable[[], float]) -> Iterator[str]:
        """New text as it comes, then every ``interval()`` seconds at most; ends with the run.

        An empty string comes where nothing new has, so that the watcher can draw the waiting.
        """
        seen = 0
        while True:
            running, new = self.read(seen)
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
            if self.running and len(self.parts) == seen:
                self._changed.wait(0.25)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _retrying(self, attempt: int, wait: float, error: PaddockError) -> None:
        self.waiting = (error, self._clock() + wait)
        self._notify()

    def _work(self) -> None:
        usage: Usage | None = None
        recorder = Recorder(self.backend.token.reveal())
        whole, reason, error = False, None, None
        stopped = False
        try:
            events = self._client.stream(self.backend, self.request, self._stop, self._retrying, recorder)
            for event in events:
                match event:
                    case TextDelta(text):
                        if self._first is None:
                            self._first = self._clock()
                        self.waiting = None
                        self.parts.append(text)
                        self._notify()
                    case Usage():
                        usage = event  # the last one counts: some backends send it with every event
                    case Finished(None):
                        whole = True
                    case Finished(said):
                        reason = said  # the usage may still come after it
                    case ToolCallDelta():
                        if self._first is None:
                            self._first = self._clock()
                        self._deltas.append(event)
                    case ReasoningDelta():
                        pass  # cannot come from this model; the raw reply holds it should it ever
                if self._stop.requested and not whole:
                    raise Stopped
        except Stopped:
            stopped = True
        except PaddockError as failed:
            # Without where it came through: those frames hold the token, and an answer is kept for long.
            error = failed.with_traceback(None)
            error.__cause__ = error.__context__ = None
        except Exception as failed:  # a bug must not lose the text: it is shown at the answer
            error = PaddockError(
                f"Paddock itself failed ({type(failed).__name__}).",
                advice="Retry. If it comes again, please report it.",
                retryable=True,
            )
        now = self._clock()
        # Of a call that was cut off in its middle nothing can be answered.
        calls = gather(self._deltas) if whole else ()
        if usage is None or not whole:
            # Before the last event a usage may be an increment only, so it cannot be trusted.
            usage = self._estimate()
        answer = Answer(
            text=self.text,
            request=self.request,
            backend=self.backend.name,
            billed=self.backend.billed,
            usage=usage,
            timings=Timings(None if self._first is None else self._first - self._begun, now - self._begun),
            ending=self._ending(stopped, error, reason, usage, calls),
            error=error,
            calls=calls,
            trace=recorder.trace(),
        )
        self.waiting = None
        try:
            self._on_end(answer)
        finally:  # whatever its owner makes of it, nobody waits for ever
            self._answer = answer
            self._notify()

    def _estimate(self) -> Usage | None:
        called = "".join(delta.arguments for delta in self._deltas)
        if not self.parts and not called:
            return None  # nothing came: as far as one can tell, nothing was counted
        tokens = estimate_tokens(self.text + called)
        return Usage(self.request.estimated_prompt_tokens(), tokens, estimated=True)

    def _ending(
        self,
        stopped: bool,
        error: PaddockError | None,
        reason: str | None,
        usage: Usage | None,
        calls: tuple[ToolCall, ...],
    ) -> Ending:
        if stopped:
            return Ending.STOPPED
        if error is not None:
            return Ending.CUT_OFF if isinstance(error, CutOff) else Ending.ERROR
        if calls:
            return Ending.TOOL_CALLS
        if usage is None or usage.estimated:
            return Ending.LENGTH if reason == "length" else Ending.FINISHED
        # The native stream gives no reason: an answer as long as it may be was cut at its limit.
        window = self.backend.context_window or self._model.context_window
        if usage.completion_tokens >= self._limit():
            return Ending.LENGTH
        if usage.total_tokens >= window:
            return Ending.CONTEXT
        return Ending.LENGTH if reason == "length" else Ending.FINISHED

    def _limit(self) -> float:
        cap = self._model.output_cap
        return self.request.parameters.get(cap.name, cap.default or float("inf"))

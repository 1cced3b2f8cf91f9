"""WorkersAI: speaks the API over HTTP, turns a request into an iterator of events, and can be stopped at any time."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import sseclient

from lib.api import wire
from lib.api.backend import Backend
from lib.api.cancellation import Stop, Stopped
from lib.api.events import Event, Finished
from lib.api.lora_adapters import Adapter, decode_adapters
from lib.api.persistent_connection import Line
from lib.api.rendered_prompt import Layout, decode_layout
from lib.api.request import Request
from lib.api.token_distribution import Distribution, decode_distribution
from lib.api.trace import Recorder
from lib.api.transport import USUAL, Timeouts, connect, translate, translated
from lib.errors import CutOff, PaddockError, Unintelligible, Unreachable

__all__ = ["Line", "Retries", "Stop", "Stopped", "Timeouts", "WorkersAI", "translate"]

# More than any answer within the context window can be; a server that never ends does not fill the memory.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
# sseclient-py takes time with the square of an event's size; 60,000 tokens in one event would be half of this.
MAX_EVENT_BYTES = 512 * 1024
PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Retries:
    """How often, and after which pause, a request is tried again before its first byte has come.

    The pause doubles from ``pause`` seconds, with jitter; a Retry-After is obeyed up to ``longest_wait`` seconds.
    """

    attempts: int = 3
    pause: float = 0.5
    longest_wait: float = 30.0

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after that attempt (from 1), None where no other should follow."""
        if attempt >= self.attempts or (asked is not None and asked > self.longest_wait):
            return None
        if asked is not None:
            return asked
        # Jitter spreads clients that failed together; nothing secret hangs on it.
        return float(self.pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311


class WorkersAI:
    """A client of the Workers AI REST API. It holds no connection and no token: each call brings its backend."""

    def __init__(self, timeouts: Timeouts = USUAL, retries: Retries = Retries()) -> None:
        self.timeouts = timeouts
        self.retries = retries

    def stream(
        self,
        backend: Backend,
        request: Request,
        stop: Stop,
        on_retry: Callable[[int, float, PaddockError], None] = lambda attempt, wait, error: None,
        recorder: Recorder | None = None,
    ) -> Iterator[Event]:
        """The answer's events as they come. Raises a PaddockError, or Stopped once ``stop`` was requested.

        ``recorder`` takes down what goes over the wire.

        Tries again, bounded and with a pause, only while nothing of the answer has come; ``on_retry`` is told
        the attempt that failed, the seconds it waits, and the error.
        """
        recorder = recorder or Recorder(backend.token.reveal())
        for attempt in range(1, self.retries.attempts + 1):
            begun = False
            try:
                # closing: a consumer that stops early ends the request there and then
                with contextlib.closing(self._once(backend, request, stop, recorder)) as events:
                    for event in events:
                        if stop.requested:  # a socket that is shut down still gives what had come before
                            raise Stopped
                        begun = True
                        yield event
                return
            except PaddockError as error:
                if stop.requested:
                    raise Stopped from None
                wait = self.retries.wait(attempt, error.retry_after)
                if begun or not error.retryable or wait is None:
                    raise
                on_retry(attempt, wait, error)
                if stop.wait(wait):
                    raise Stopped from None

    def check(self, backend: Backend) -> None:
        """Ask whether the account and the token are good, without spending anything. Raises a PaddockError."""
        # The cheapest question that needs both: a search of the model list without hits.
        self._ask(backend, "GET", "models/search?search=paddock-credential-check")

    def layout(self, backend: Backend, request: Request) -> Layout:
        """The text that the backend's model would be given, and its exact length. Only where ``backend.inspects``."""
        return decode_layout(self._ask(backend, "POST", "paddock/prompt", wire.encode(request)))

    def probabilities(self, backend: Backend, request: Request) -> Distribution:
        """The probabilities of the token that would come next. Only where ``backend.inspects``."""
        return decode_distribution(self._ask(backend, "POST", "paddock/probabilities", wire.encode(request)))

    def adapters(self, backend: Backend) -> tuple[Adapter, ...]:
        """The LoRA adapters of the account, and the public ones. Raises a PaddockError."""
        own = decode_adapters(self._ask(backend, "GET", "finetunes"))
        public = decode_adapters(self._ask(backend, "GET", "finetunes/public"))
        return tuple({adapter.id: adapter for adapter in (*own, *public)}.values())

    def _ask(self, backend: Backend, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The body of a success: a question that somebody waits for, free of charge. Raises a PaddockError."""
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/{path}"
        timeouts = replace(self.timeouts, first_byte=self.timeouts.connect)
        with (
            translated(timeouts, backend),
            connect(timeouts, backend) as client,
            client.stream(method, url, json=body) as response,
        ):
            if response.status_code != 200:
                raise _refused(response)
            text = _text(response, MAX_ANSWER_BYTES)
            if not wire.succeeded(text):
                raise wire.decode_error(response.status_code, text, response.headers)
            return text

    def line(self, backend: Backend) -> Line:
        """A connection for many requests, one after the other. Close it. Raises Unreachable."""
        return Line(self.timeouts, backend)

    def ask(self, line: Line, request: Request) -> Iterator[Event]:
        """The answer's events: one attempt, over a line that is kept open. Raises a PaddockError, or Stopped."""
        body = json.dumps(wire.encode(request), ensure_ascii=False, separators=(",", ":")).encode()
        response: httpx.Response | None = None
        if line.stop.requested:
            raise Stopped
        try:
            with translated(line.timeouts, line.backend):
                response = line.post(request.model, body)
            with translated(line.timeouts, line.backend, answering=True):
                yield from _answer(response)
        except PaddockError:
            if line.stop.requested:  # it is the stop that broke the connection
                raise Stopped from None
            raise
        finally:
            if response is not None:
                response.close()

    def _once(
        self, backend: Backend, request: Request, stop: Stop, recorder: Recorder
    ) -> Generator[Event, None, None]:
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        with contextlib.ExitStack() as stack:
            stack.callback(stop.release)
            with translated(self.timeouts, backend):
                client = stack.enter_context(connect(self.timeouts, backend))
                post = client.build_request(
                    "POST", url, json=wire.encode(request), extensions={"trace": stop.trace}
                )
                recorder.sent(f"{post.method} {post.url}", post.headers.multi_items())
                response = stop.open(lambda: client.send(post, stream=True), httpx.Response.close)
                recorder.answered(response.status_code, response.headers.multi_items())
            stack.callback(response.close)
            # httpcore reads the timeout anew when the body begins: from here on it is the one for silence.
            post.extensions["timeout"]["read"] = self.timeouts.silence
            with translated(self.timeouts, backend, answering=True):
                yield from _answer(response, recorder)


def _answer(response: httpx.Response, recorder: Recorder | None = None) -> Iterator[Event]:
    """The events in a response, whatever it is: a stream, a whole answer or a refusal."""

    def received(text: str) -> str:
        if recorder is not None:
            recorder.received(text)
        return text

    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        raise _refused(response, recorder)
    if kind == "text/event-stream":
        yield from _events(response, received)
    elif kind == "application/json":  # [REC] some models ignore stream: true
        yield from wire.decode_whole(received(_text(response, MAX_ANSWER_BYTES)))
    else:
        raise wire.decode_error(200, received(_text(response, MAX_ERROR_BYTES)), response.headers)


def _events(response: httpx.Response, received: Callable[[str], str]) -> Iterator[Event]:
    finished = False
    try:
        for event in sseclient.SSEClient(_bounded(response)).events():
            received(event.data)
            for value in wire.decode_event(event.data):
                finished = finished or isinstance(value, Finished)
                yield value
            if event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off("the connection broke") from None
    except (Unintelligible, UnicodeDecodeError):
        # sseclient-py hands over the piece of an event that a broken stream ends with. Where the input has not
        # ended (httpx closes the response at its end), this is no such piece: the server speaks something else.
        if not response.is_closed:
            raise Unintelligible(
                "The server sent an event that cannot be read.", advice=wire.GARBLED
            ) from None
        raise _cut_off("its last event is not whole") from None
    if not finished:
        raise _cut_off("the server ended it without the closing [DONE]")


def _cut_off(how: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {how}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _bounded(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces, up to the bounds of an answer and of one event."""
    whole, event, tail = 0, 0, b""
    for chunk in response.iter_bytes():
        for start in range(0, len(chunk), PIECE_BYTES):  # a decompressed chunk may be huge
            piece = chunk[start : start + PIECE_BYTES]
            whole += len(piece)
            seen = tail + piece  # the end of an event may be split
            end = max(seen.rfind(b"\n\n"), seen.rfind(b"\n\r\n"), seen.rfind(b"\r\r"))
            event = event + len(piece) if end < 0 else len(seen) - end
            tail = seen[-2:]
            if whole > MAX_ANSWER_BYTES or event > MAX_EVENT_BYTES:
                raise Unintelligible("The server's answer does not end.", advice=wire.GARBLED)
            yield piece


def _text(response: httpx.Response, limit: int) -> str:
    parts, size = [], 0
    for chunk in response.iter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)[:limit].decode("utf-8", "replace")


def _refused(response: httpx.Response, recorder: Recorder | None = None) -> PaddockError:
    if response.is_redirect:
        target = httpx.URL(response.headers["location"]).host or "another address"
        return Unreachable(
            f"The server wants to redirect the request to {target}; it was not followed, for it carries your token.",
            advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
        )
    try:
        text = _text(response, MAX_ERROR_BYTES)
    except httpx.HTTPError:  # the status tells more than the way in which its explanation broke
        text = ""
    if recorder is not None:
        recorder.received(text)
    return wire.decode_error(response.status_code, text, response.headers)

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
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.events import Event, Finished
from lib.api.lora_adapters import LoraAdapter, decode_adapters
from lib.api.persistent_connection import PersistentConnection
from lib.api.rendered_prompt import RenderedPrompt, decode_rendered_prompt
from lib.api.request import Request
from lib.api.token_distribution import TokenDistribution, decode_token_distribution
from lib.api.trace import TraceRecorder
from lib.api.transport import DEFAULT_TIMEOUTS, Timeouts, open_client, translate_error, translate_errors
from lib.errors import CutOff, PaddockError, Unintelligible, Unreachable

__all__ = [
    "CancelToken",
    "Cancelled",
    "PersistentConnection",
    "RetryPolicy",
    "Timeouts",
    "WorkersAI",
    "translate_error",
]

# More than any answer within the context window can be; a server that never ends does not fill the memory.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
# sseclient-py takes time with the square of an event's size; 60,000 tokens in one event would be half of this.
MAX_EVENT_BYTES = 512 * 1024
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after which pause, a request is tried again before its first byte has come.

    The pause doubles from ``pause`` seconds, with jitter; a Retry-After is obeyed up to ``longest_wait`` seconds.
    """

    attempts: int = 3
    pause: float = 0.5
    max_wait: float = 30.0

    def delay_after(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after that attempt (from 1), None where no other should follow."""
        if attempt >= self.attempts or (asked is not None and asked > self.max_wait):
            return None
        if asked is not None:
            return asked
        # Jitter spreads clients that failed together; nothing secret hangs on it.
        return float(self.pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311


class WorkersAI:
    """A client of the Workers AI REST API. It holds no connection and no token: each call brings its backend."""

    def __init__(self, timeouts: Timeouts = DEFAULT_TIMEOUTS, retries: RetryPolicy = RetryPolicy()) -> None:
        self.timeouts = timeouts
        self.retries = retries

    def stream(
        self,
        backend: Backend,
        request: Request,
        stop: CancelToken,
        on_retry: Callable[[int, float, PaddockError], None] = lambda attempt, wait, error: None,
        recorder: TraceRecorder | None = None,
    ) -> Iterator[Event]:
        """The answer's events as they come. Raises a PaddockError, or Stopped once ``stop`` was requested.

        ``recorder`` takes down what goes over the wire.

        Tries again, bounded and with a pause, only while nothing of the answer has come; ``on_retry`` is told
        the attempt that failed, the seconds it waits, and the error.
        """
        recorder = recorder or TraceRecorder(backend.token.reveal())
        for attempt in range(1, self.retries.attempts + 1):
            begun = False
            try:
                # closing: a consumer that stops early ends the request there and then
                with contextlib.closing(self._stream_once(backend, request, stop, recorder)) as events:
                    for event in events:
                        if stop.is_cancelled:  # a socket that is shut down still gives what had come before
                            raise Cancelled
                        begun = True
                        yield event
                return
            except PaddockError as error:
                if stop.is_cancelled:
                    raise Cancelled from None
                wait = self.retries.delay_after(attempt, error.retry_after)
                if begun or not error.retryable or wait is None:
                    raise
                on_retry(attempt, wait, error)
                if stop.wait(wait):
                    raise Cancelled from None

    def check_credentials(self, backend: Backend) -> None:
        """Ask whether the account and the token are good, without spending anything. Raises a PaddockError."""
        # The cheapest question that needs both: a search of the model list without hits.
        self._fetch(backend, "GET", "models/search?search=paddock-credential-check")

    def render_prompt(self, backend: Backend, request: Request) -> RenderedPrompt:
        """The text that the backend's model would be given, and its exact length. Only where ``backend.inspects``."""
        return decode_rendered_prompt(
            self._fetch(backend, "POST", "paddock/prompt", wire.encode_request(request))
        )

    def fetch_token_distribution(self, backend: Backend, request: Request) -> TokenDistribution:
        """The probabilities of the token that would come next. Only where ``backend.inspects``."""
        return decode_token_distribution(
            self._fetch(backend, "POST", "paddock/probabilities", wire.encode_request(request))
        )

    def list_adapters(self, backend: Backend) -> tuple[LoraAdapter, ...]:
        """The LoRA adapters of the account, and the public ones. Raises a PaddockError."""
        own = decode_adapters(self._fetch(backend, "GET", "finetunes"))
        public = decode_adapters(self._fetch(backend, "GET", "finetunes/public"))
        return tuple({adapter.id: adapter for adapter in (*own, *public)}.values())

    def _fetch(self, backend: Backend, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The body of a success: a question that somebody waits for, free of charge. Raises a PaddockError."""
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/{path}"
        timeouts = replace(self.timeouts, first_byte=self.timeouts.connect)
        with (
            translate_errors(timeouts, backend),
            open_client(timeouts, backend) as client,
            client.stream(method, url, json=body) as response,
        ):
            if response.status_code != 200:
                raise _refusal_error(response)
            text = _read_text(response, MAX_ANSWER_BYTES)
            if not wire.is_success(text):
                raise wire.decode_error(response.status_code, text, response.headers)
            return text

    def open_connection(self, backend: Backend) -> PersistentConnection:
        """A connection for many requests, one after the other. Close it. Raises Unreachable."""
        return PersistentConnection(self.timeouts, backend)

    def stream_over(self, line: PersistentConnection, request: Request) -> Iterator[Event]:
        """The answer's events: one attempt, over a line that is kept open. Raises a PaddockError, or Stopped."""
        body = json.dumps(wire.encode_request(request), ensure_ascii=False, separators=(",", ":")).encode()
        response: httpx.Response | None = None
        if line.cancel_token.is_cancelled:
            raise Cancelled
        try:
            with translate_errors(line.timeouts, line.backend):
                response = line.post(request.model, body)
            with translate_errors(line.timeouts, line.backend, answering=True):
                yield from _decode_response(response)
        except PaddockError:
            if line.cancel_token.is_cancelled:  # it is the stop that broke the connection
                raise Cancelled from None
            raise
        finally:
            if response is not None:
                response.close()

    def _stream_once(
        self, backend: Backend, request: Request, stop: CancelToken, recorder: TraceRecorder
    ) -> Generator[Event, None, None]:
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        with contextlib.ExitStack() as stack:
            stack.callback(stop.release_socket)
            with translate_errors(self.timeouts, backend):
                client = stack.enter_context(open_client(self.timeouts, backend))
                post = client.build_request(
                    "POST", url, json=wire.encode_request(request), extensions={"trace": stop.on_httpx_trace}
                )
                recorder.record_request(f"{post.method} {post.url}", post.headers.multi_items())
                response = stop.run_cancellable(lambda: client.send(post, stream=True), httpx.Response.close)
                recorder.record_response(response.status_code, response.headers.multi_items())
            stack.callback(response.close)
            # httpcore reads the timeout anew when the body begins: from here on it is the one for silence.
            post.extensions["timeout"]["read"] = self.timeouts.silence
            with translate_errors(self.timeouts, backend, answering=True):
                yield from _decode_response(response, recorder)


def _decode_response(response: httpx.Response, recorder: TraceRecorder | None = None) -> Iterator[Event]:
    """The events in a response, whatever it is: a stream, a whole answer or a refusal."""

    def received(text: str) -> str:
        if recorder is not None:
            recorder.record_event(text)
        return text

    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        raise _refusal_error(response, recorder)
    if kind == "text/event-stream":
        yield from _decode_sse(response, received)
    elif kind == "application/json":  # [REC] some models ignore stream: true
        yield from wire.decode_answer(received(_read_text(response, MAX_ANSWER_BYTES)))
    else:
        raise wire.decode_error(200, received(_read_text(response, MAX_ERROR_BYTES)), response.headers)


def _decode_sse(response: httpx.Response, received: Callable[[str], str]) -> Iterator[Event]:
    finished = False
    try:
        for event in sseclient.SSEClient(_iter_bounded(response)).events():
            received(event.data)
            for value in wire.decode_event(event.data):
                finished = finished or isinstance(value, Finished)
                yield value
            if event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off_error("the connection broke") from None
    except (Unintelligible, UnicodeDecodeError):
        # sseclient-py hands over the piece of an event that a broken stream ends with. Where the input has not
        # ended (httpx closes the response at its end), this is no such piece: the server speaks something else.
        if not response.is_closed:
            raise Unintelligible(
                "The server sent an event that cannot be read.", advice=wire.GARBLED_ADVICE
            ) from None
        raise _cut_off_error("its last event is not whole") from None
    if not finished:
        raise _cut_off_error("the server ended it without the closing [DONE]")


def _cut_off_error(how: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {how}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _iter_bounded(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces, up to the bounds of an answer and of one event."""
    whole, event, tail = 0, 0, b""
    for chunk in response.iter_bytes():
        for start in range(0, len(chunk), CHUNK_BYTES):  # a decompressed chunk may be huge
            piece = chunk[start : start + CHUNK_BYTES]
            whole += len(piece)
            seen = tail + piece  # the end of an event may be split
            end = max(seen.rfind(b"\n\n"), seen.rfind(b"\n\r\n"), seen.rfind(b"\r\r"))
            event = event + len(piece) if end < 0 else len(seen) - end
            tail = seen[-2:]
            if whole > MAX_ANSWER_BYTES or event > MAX_EVENT_BYTES:
                raise Unintelligible("The server's answer does not end.", advice=wire.GARBLED_ADVICE)
            yield piece


def _read_text(response: httpx.Response, limit: int) -> str:
    parts, size = [], 0
    for chunk in response.iter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)[:limit].decode("utf-8", "replace")


def _refusal_error(response: httpx.Response, recorder: TraceRecorder | None = None) -> PaddockError:
    if response.is_redirect:
        target = httpx.URL(response.headers["location"]).host or "another address"
        return Unreachable(
            f"The server wants to redirect the request to {target}; it was not followed, for it carries your token.",
            advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
        )
    try:
        text = _read_text(response, MAX_ERROR_BYTES)
    except httpx.HTTPError:  # the status tells more than the way in which its explanation broke
        text = ""
    if recorder is not None:
        recorder.record_event(text)
    return wire.decode_error(response.status_code, text, response.headers)

"""Decode an HTTP response, whatever it holds: a stream, a whole answer or a refusal."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from lib.api import sse, wire
from lib.api.compression import iter_decompressed
from lib.api.events import Event, FromGatewayCache
from lib.api.reply_limits import MAX_ERROR_BYTES, MAX_JSON_BYTES, ReplyDeadline, too_large_error
from lib.api.sse import BodyKind
from lib.api.trace import TraceRecorder, read_gateway_reply
from lib.errors import PaddockError, TimedOut, Unintelligible, Unreachable, refusal, unrecognised_reply


def decode_response(
    response: httpx.Response, deadline: ReplyDeadline, recorder: TraceRecorder | None = None
) -> Iterator[Event]:
    """Yield the events of an answer. Raises a PaddockError for a refusal or an unreadable answer."""
    events = _decode_answer(response, deadline, recorder)
    if read_gateway_reply(response.headers).is_from_cache:
        # With the first event, not before it: an attempt that fails until then is sent again.
        events = _mark_as_cached(events)
    yield from events


def _mark_as_cached(events: Iterator[Event]) -> Iterator[Event]:
    for first in events:
        yield FromGatewayCache()
        yield first
        break
    yield from events


def _decode_answer(
    response: httpx.Response, deadline: ReplyDeadline, recorder: TraceRecorder | None
) -> Iterator[Event]:

    def record(text: str) -> str:
        if recorder is not None:
            recorder.record_event(text)
        return text

    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        raise refusal_error(response, deadline, recorder)
    deadline.expect_answer()
    kind, body = sse.find_body_kind(iter_decompressed(response))
    if kind is BodyKind.UNKNOWN:
        by_type = {"application/json": BodyKind.JSON, "text/event-stream": BodyKind.EVENTS}
        kind = by_type.get(content_type, kind)
    if kind is BodyKind.JSON:  # [REC] some models ignore stream: true
        yield from wire.decode_answer(record(_read_answer(body)))
    elif kind is BodyKind.EVENTS:
        yield from sse.decode_stream(response, body, deadline, record)
    else:
        deadline.expect_error_body()
        raise wire.decode_error(200, record(_read_text(body, MAX_ERROR_BYTES)), response.headers)


def read_text(response: httpx.Response, max_bytes: int) -> str:
    """Return the body. Raises Unintelligible if it exceeds ``max_bytes``."""
    return _read_text(iter_decompressed(response), max_bytes)


def _read_text(body: Iterator[bytes], max_bytes: int) -> str:
    return b"".join(_iter_bounded(body, max_bytes)).decode("utf-8-sig", "replace")


def _read_answer(body: Iterator[bytes]) -> str:
    """Return the body of an answer, which may have been paid: also if only the end of the transfer is missing."""
    chunks: list[bytes] = []
    try:
        chunks.extend(_iter_bounded(body, MAX_JSON_BYTES))
    except (httpx.RemoteProtocolError, httpx.ReadError):
        text = b"".join(chunks).decode("utf-8-sig", "replace")
        if not wire.is_json_object(text):
            raise
        return text
    return b"".join(chunks).decode("utf-8-sig", "replace")


def _iter_bounded(body: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in body:
        size += len(chunk)
        if size > max_bytes:
            raise too_large_error(max_bytes, "bytes")
        yield chunk


def refusal_error(
    response: httpx.Response, deadline: ReplyDeadline, recorder: TraceRecorder | None = None
) -> PaddockError:
    """Return the error that a response with another status than 200 stands for."""
    status = response.status_code
    if 300 <= status < 400:
        return _redirect_error(response)
    deadline.expect_error_body()
    try:
        text = read_text(response, MAX_ERROR_BYTES)
    except httpx.HTTPError:  # the status says more than the error that interrupted the body
        text = ""
    except (
        TimedOut,
        Unintelligible,
    ) as error:  # the status says what to do, the limit why it is not explained
        wait = wire.parse_retry_after(response.headers.get("retry-after"))
        return refusal(status, None, f"HTTP {status}. {error.message}", wait)
    if recorder is not None:
        recorder.record_event(text)
    return wire.decode_error(status, text, response.headers)


def _redirect_error(response: httpx.Response) -> PaddockError:
    status, location = response.status_code, response.headers.get("location")
    if location is None or status == 304:
        return unrecognised_reply(status, "a redirect without an address")
    try:
        target = httpx.URL(location).host
    except httpx.InvalidURL:
        target = ""
    return Unreachable(
        f"The server wants to redirect the request to {target or 'another address'}; it was not followed, because it "
        "carries your token.",
        advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
    )

"""Decode an HTTP response, whatever it holds: a stream, a whole answer or a refusal."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from lib.api import sse, wire
from lib.api.events import Event
from lib.api.trace import TraceRecorder
from lib.errors import PaddockError, Unreachable

MAX_ERROR_BYTES = 64 * 1024


def decode_response(response: httpx.Response, recorder: TraceRecorder | None = None) -> Iterator[Event]:
    """Yield the events of an answer. Raises a PaddockError for a refusal or an unreadable answer."""

    def record(text: str) -> str:
        if recorder is not None:
            recorder.record_event(text)
        return text

    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        raise refusal_error(response, recorder)
    if content_type == "text/event-stream":
        yield from sse.decode_stream(response, record)
    elif content_type == "application/json":  # [REC] some models ignore stream: true
        yield from wire.decode_answer(record(read_text(response, sse.MAX_ANSWER_BYTES)))
    else:
        raise wire.decode_error(200, record(read_text(response, MAX_ERROR_BYTES)), response.headers)


def read_text(response: httpx.Response, max_bytes: int) -> str:
    """Return the body, cut at that many bytes."""
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size >= max_bytes:
            break
    return b"".join(chunks)[:max_bytes].decode("utf-8", "replace")


def refusal_error(response: httpx.Response, recorder: TraceRecorder | None = None) -> PaddockError:
    """Return the error that a response with another status than 200 stands for."""
    if response.is_redirect:
        target = httpx.URL(response.headers["location"]).host or "another address"
        return Unreachable(
            f"The server wants to redirect the request to {target}; it was not followed, for it carries your token.",
            advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
        )
    try:
        text = read_text(response, MAX_ERROR_BYTES)
    except httpx.HTTPError:  # the status says more than the error that interrupted the body
        text = ""
    if recorder is not None:
        recorder.record_event(text)
    return wire.decode_error(response.status_code, text, response.headers)

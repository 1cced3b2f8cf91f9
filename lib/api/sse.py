"""Decode a streamed answer: server-sent events (SSE) to the events of the model's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import sseclient

from lib.api import wire
from lib.api.compression import iter_decompressed
from lib.api.events import Event, Finished
from lib.api.reply_limits import (
    MAX_EVENT_BYTES,
    MAX_EVENT_LINES,
    MAX_EVENTS,
    MAX_REPLY_BYTES,
    ReplyDeadline,
    too_large_error,
)
from lib.errors import CutOff, PaddockError, Unintelligible

_CHUNK_BYTES = 64 * 1024


def decode_stream(
    response: httpx.Response, deadline: ReplyDeadline, on_data: Callable[[str], object]
) -> Iterator[Event]:
    """Yield the events of a response; ``on_data`` gets the text of each SSE event as it was received.

    Raises CutOff if the stream ends before the answer does, Unintelligible for what is not an event and for an answer
    that exceeds a limit, and TimedOut.
    """
    finished, count = False, 0
    try:
        for sse_event in sseclient.SSEClient(_iter_bounded(response)).events():
            deadline.note_event()
            on_data(sse_event.data)
            count += 1  # also an event without text is kept in the trace
            for event in _decode_event(sse_event.data, response):
                count += 1
                if count > MAX_EVENTS:
                    raise too_large_error(MAX_EVENTS, "events")
                finished = finished or isinstance(event, Finished)
                yield event
            if sse_event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off_error("the connection broke") from None
    except UnicodeDecodeError:
        raise _unreadable_event_error(response) from None
    if not finished:
        raise _cut_off_error("the server ended it without the closing [DONE]")


def _decode_event(data: str, response: httpx.Response) -> Iterator[Event]:
    try:
        yield from wire.decode_event(data)
    except Unintelligible:
        raise _unreadable_event_error(response) from None


def _unreadable_event_error(response: httpx.Response) -> PaddockError:
    # At the end of a broken stream sseclient-py delivers an incomplete event. httpx closes the response when its
    # input ends, so an unreadable event in an open response comes from a server that speaks something else.
    if response.is_closed:
        return _cut_off_error("its last event is not whole")
    return Unintelligible("The server sent an event that cannot be read.", advice=wire.GARBLED_ADVICE)


def _cut_off_error(reason: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {reason}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _iter_bounded(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body in chunks. Raises Unintelligible when the answer or one event exceeds its limit."""
    answer_size, event_size, event_lines, tail = 0, 0, 0, b""
    for received in iter_decompressed(response):
        # Decompression can return a huge chunk.
        for start in range(0, len(received), _CHUNK_BYTES):
            chunk = received[start : start + _CHUNK_BYTES]
            answer_size += len(chunk)
            # The blank line that ends an event may be split between two chunks.
            searched = tail + chunk
            end = max(searched.rfind(b"\n\n"), searched.rfind(b"\n\r\n"), searched.rfind(b"\r\r"))
            if end < 0:
                event_size += len(chunk)
                event_lines += chunk.count(b"\n") + chunk.count(b"\r")
            else:
                event_size = len(searched) - end
                event_lines = searched.count(b"\n", end) + searched.count(b"\r", end)
            tail = searched[-2:]
            yield chunk  # before the limits: it may hold whole events
            if answer_size > MAX_REPLY_BYTES:
                raise too_large_error(MAX_REPLY_BYTES, "bytes")
            if event_size > MAX_EVENT_BYTES:
                raise too_large_error(MAX_EVENT_BYTES, "bytes")
            if event_lines > MAX_EVENT_LINES:
                raise too_large_error(MAX_EVENT_LINES, "lines in one event")

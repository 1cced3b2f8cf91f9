"""Decode a streamed answer: server-sent events (SSE) to the events of the model's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import sseclient

from lib.api import wire
from lib.api.events import Event, Finished
from lib.errors import CutOff, Unintelligible

# More than any answer within the context window; a server that never ends must not fill the memory.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
# sseclient-py's time grows with the square of an event's size; 60,000 tokens in one event are half of this.
MAX_EVENT_BYTES = 512 * 1024
_CHUNK_BYTES = 64 * 1024


def decode_stream(response: httpx.Response, on_data: Callable[[str], object]) -> Iterator[Event]:
    """Yield the events of a response; ``on_data`` gets the text of each SSE event as it was received.

    Raises CutOff if the stream ends before the answer does, and Unintelligible for what is not an event.
    """
    finished = False
    try:
        for sse_event in sseclient.SSEClient(_iter_bounded(response)).events():
            on_data(sse_event.data)
            for event in wire.decode_event(sse_event.data):
                finished = finished or isinstance(event, Finished)
                yield event
            if sse_event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off_error("the connection broke") from None
    except (Unintelligible, UnicodeDecodeError):
        # At the end of a broken stream sseclient-py delivers an incomplete event. httpx closes the response when
        # its input ends, so an unreadable event in an open response comes from a server that speaks something else.
        if not response.is_closed:
            raise Unintelligible(
                "The server sent an event that cannot be read.", advice=wire.GARBLED_ADVICE
            ) from None
        raise _cut_off_error("its last event is not whole") from None
    if not finished:
        raise _cut_off_error("the server ended it without the closing [DONE]")


def _cut_off_error(reason: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {reason}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _iter_bounded(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body in chunks. Raises Unintelligible when the answer or one event exceeds its limit."""
    answer_size, event_size, tail = 0, 0, b""
    for received in response.iter_bytes():
        # Decompression can return a huge chunk.
        for start in range(0, len(received), _CHUNK_BYTES):
            chunk = received[start : start + _CHUNK_BYTES]
            answer_size += len(chunk)
            # The blank line that ends an event may be split between two chunks.
            searched = tail + chunk
            end = max(searched.rfind(b"\n\n"), searched.rfind(b"\n\r\n"), searched.rfind(b"\r\r"))
            event_size = event_size + len(chunk) if end < 0 else len(searched) - end
            tail = searched[-2:]
            if answer_size > MAX_ANSWER_BYTES or event_size > MAX_EVENT_BYTES:
                raise Unintelligible("The server's answer does not end.", advice=wire.GARBLED_ADVICE)
            yield chunk

"""Decode a streamed answer: server-sent events (SSE) to the events of the model's answer."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Iterator
from enum import Enum

import httpx
import sseclient

from lib.api import wire
from lib.api.events import Event, Finished
from lib.api.reply_limits import (
    MAX_EVENT_BYTES,
    MAX_EVENT_LINES,
    MAX_EVENTS,
    MAX_REPLY_BYTES,
    MAX_REPLY_LINES,
    ReplyDeadline,
    too_large_error,
)
from lib.errors import CutOff, PaddockError, Unintelligible

_CHUNK_BYTES = 64 * 1024
# A byte order mark, line ends, and a field's name with its colon.
_FIRST_LINE = re.compile(rb"(\xef\xbb\xbf)?[\r\n]*(data|event|id|retry)?:")
_FIRST_BRACE = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_SNIFFED_BYTES = 16


class BodyKind(Enum):
    """What the first bytes of a body begin."""

    EVENTS = "a stream of events"
    JSON = "a JSON object"
    UNKNOWN = "neither"


def decode_stream(
    response: httpx.Response,
    body: Iterator[bytes],
    deadline: ReplyDeadline,
    on_data: Callable[[str], object],
) -> Iterator[Event]:
    """Yield the events in a response's body; ``on_data`` gets the text of each SSE event as it was received.

    Raises CutOff if the stream ends before the answer does, Unintelligible for what is not an event and for an answer
    that exceeds a limit, and TimedOut.
    """
    finished, count = False, 0
    try:
        for sse_event in sseclient.SSEClient(_iter_bounded(body)).events():
            data = sse_event.data.strip()
            if not data:
                continue  # a sign of life, as a comment is
            deadline.note_event()
            on_data(sse_event.data)
            count += 1  # also an event without text is kept in the trace
            for event in _decode_event(sse_event.event, data, response):
                count += 1
                if count > MAX_EVENTS:
                    raise too_large_error(MAX_EVENTS, "events")
                finished = finished or isinstance(event, Finished)
                yield event
            if data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off_error("the connection broke") from None
    if not finished:
        raise _cut_off_error("the service stopped before it said that this is all ([DONE])")


def _decode_event(name: str, data: str, response: httpx.Response) -> Iterator[Event]:
    is_answer = False
    try:
        for event in wire.decode_event(data):
            is_answer = True
            yield event
    except Unintelligible:
        if name not in ("message", "error"):
            return  # such as a ping
        raise _unreadable_event_error(response) from None
    if name == "error" and not is_answer:
        raise wire.decode_error(None, data, {})


def _unreadable_event_error(response: httpx.Response) -> PaddockError:
    # At the end of a broken stream sseclient-py delivers an incomplete event. httpx closes the response when its
    # input ends, so an unreadable event in an open response comes from a server that speaks something else.
    if response.is_closed:
        return _cut_off_error("its last event is not whole")
    return Unintelligible("The server sent an event that cannot be read.", advice=wire.GARBLED_ADVICE)


def _cut_off_error(reason: str) -> CutOff:
    return CutOff(
        f"The answer is not complete: {reason}.",
        advice="The text so far is kept. Retry for a complete answer.",
        retryable=True,
    )


def find_body_kind(body: Iterator[bytes]) -> tuple[BodyKind, Iterator[bytes]]:
    """Return the kind of a body by its first bytes, and the whole body: some proxies change its content type.

    An error that ends the first bytes is raised where they are read.
    """
    head, rest = b"", body
    try:
        for chunk in body:
            head += chunk
            if len(head) >= _SNIFFED_BYTES or _FIRST_LINE.match(head) or _FIRST_BRACE.match(head):
                break
    except Exception as error:
        rest = _raise_later(error)
    kind = BodyKind.UNKNOWN
    if _FIRST_LINE.match(head):
        kind = BodyKind.EVENTS
    elif _FIRST_BRACE.match(head):
        kind = BodyKind.JSON
    return kind, itertools.chain((head,), rest)


def _raise_later(error: Exception) -> Iterator[bytes]:
    yield b""
    raise error


def _iter_bounded(body: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the body in chunks, as plain as sseclient-py needs it: the only line end is a line feed.

    Raises Unintelligible when the answer or one event exceeds its limit.
    """
    answer_size, answer_lines, event_size, event_lines, tail = 0, 0, 0, 0, b""
    for chunk in _normalise(_iter_chunks(body)):
        answer_size += len(chunk)
        answer_lines += chunk.count(b"\n")
        # The blank line that ends an event may be split between two chunks.
        searched = tail + chunk
        end = searched.rfind(b"\n\n")
        if end < 0:
            event_size += len(chunk)
            event_lines += chunk.count(b"\n")
        else:
            event_size = len(searched) - end
            event_lines = searched.count(b"\n", end)
        tail = searched[-1:]
        yield chunk  # before the limits: it may hold whole events
        if answer_size > MAX_REPLY_BYTES:
            raise too_large_error(MAX_REPLY_BYTES, "bytes")
        if answer_lines > MAX_REPLY_LINES:
            raise too_large_error(MAX_REPLY_LINES, "lines")
        if event_size > MAX_EVENT_BYTES:
            raise too_large_error(MAX_EVENT_BYTES, "bytes")
        if event_lines > MAX_EVENT_LINES:
            raise too_large_error(MAX_EVENT_LINES, "lines in one event")


def _iter_chunks(body: Iterator[bytes]) -> Iterator[bytes]:
    for received in body:
        # Decompression can return a huge chunk.
        for start in range(0, len(received), _CHUNK_BYTES):
            yield received[start : start + _CHUNK_BYTES]


def _normalise(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the text without a byte order mark at its head, with "\\n" for "\\r\\n" and "\\r", and in proper UTF-8.

    Browsers read events like this (HTML standard, section 9.2.6). A carriage return is passed on at once, because the
    line feed that may follow it can be as late as the next event.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    ended_in_return = False
    for chunk in chunks:
        text = decoder.decode(chunk)
        if not text:
            continue
        if ended_in_return:
            text = text.removeprefix("\n")
        ended_in_return = text.endswith("\r")
        yield text.replace("\r\n", "\n").replace("\r", "\n").encode()

"""Requests whose length is ambiguous, whose head never ends, or whose chunks are countless."""

from __future__ import annotations

import asyncio

import h11
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from lib.twin import http_protocol
from lib.twin.http_protocol import StrictConnection, TwinProtocol
from lib.twin.request_limits import MAX_CHUNKS, MAX_HEAD_BYTES
from tests.twin.conftest import TOKEN, RunningTwin
from tests.twin.raw_http import exchange, request_head

CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b'{"prompt": "x", "max_tokens": 1}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
AS_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def read_all(data: bytes) -> list[object]:
    """Return the kinds of the events. Raises h11.RemoteProtocolError."""
    connection = StrictConnection()
    connection.receive_data(data)
    kinds: list[object] = []
    while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        kinds.append(type(event))
    return kinds


def head(fields: bytes, version: bytes = b"1.1") -> bytes:
    return b"POST /x HTTP/%b\r\nHost: localhost\r\n%b\r\n" % (version, fields)


@pytest.mark.parametrize(
    "data",
    [
        head(LENGTH + CHUNKED) + AS_CHUNK,
        head(CHUNKED + LENGTH) + AS_CHUNK,
        head(CHUNKED, b"1.0") + AS_CHUNK,
        head(LENGTH + b"Content-Length: 1\r\n") + BODY,
        head(b"Content-Length: 1, 2\r\n") + BODY,
        head(b"Content-Length: +1\r\n") + BODY,
        head(b"Content-Length: -1\r\n") + BODY,
        head(b"Content-Length : 1\r\n") + BODY,
        head(CHUNKED + CHUNKED) + AS_CHUNK,
        head(b"Transfer-Encoding: gzip, chunked\r\n") + AS_CHUNK,
        head(b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n"),
        head(b"X: y\r\n" * (MAX_HEAD_BYTES // 2)),
        b"POST /x HTTP/1.1\r\n X: continued\r\n\r\n",
        head(CHUNKED) + b"-1\r\n",
        head(CHUNKED) + b"0x1\r\na\r\n",
        head(CHUNKED) + b"1\r\nab\r\n",
        head(CHUNKED) + b"1" * 21 + b"\r\n",
        head(CHUNKED) + b"1\r\n \r\n" * (MAX_CHUNKS + 1),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read_all(data)


@pytest.mark.parametrize(
    "data",
    [
        head(LENGTH) + BODY,
        # RFC 9110 §8.6 allows equal lengths to be read as one, RFC 9112 §5.2 a folded line to be read as a space.
        head(LENGTH + LENGTH) + BODY,
        head(b"X: a\r\n b\r\n" + LENGTH) + BODY,
        head(CHUNKED) + AS_CHUNK,
        head(CHUNKED) + b"1\r\n \r\n" * MAX_CHUNKS + b"0\r\n\r\n",
        head(b"X: " + b"x" * (MAX_HEAD_BYTES // 2) + b"\r\n" + LENGTH) + BODY,
    ],
)
def test_accepted(data: bytes) -> None:
    kinds = read_all(data)
    assert kinds[0] is h11.Request
    assert kinds[-1] is h11.EndOfMessage


@pytest.mark.parametrize(
    "tail",
    [LENGTH + CHUNKED + b"\r\n" + AS_CHUNK, CHUNKED + b"\r\nzz\r\n", b"X: " + b"x" * 99_999 + b"\r\n\r\n"],
)
def test_the_twin_answers_in_the_shape_of_the_api_and_closes(twin: RunningTwin, tail: bytes) -> None:
    # A second request follows, which must not be answered.
    answer = exchange(
        twin, request_head(twin, TOKEN) + tail + request_head(twin, TOKEN) + LENGTH + b"\r\n" + BODY
    )
    assert answer.status == 400
    assert answer.is_closed
    assert answer.error_code == 6003
    assert answer.raw.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTT"])
def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.05)
    config = uvicorn.Config(PlainTextResponse("hello"), lifespan="off", timeout_keep_alive=3600)

    async def read_until_closed() -> bytes:
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: TwinProtocol(config, state, {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

    # The first whole request is answered all the same.
    assert asyncio.run(read_until_closed()).count(b"hello") == sent.count(b"\r\n\r\n")

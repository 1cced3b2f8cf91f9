"""Bodies that are huge, slow, endless, or many at once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message

from lib.twin import request_body
from lib.twin.api_errors import TwinApiError
from lib.twin.request_body import BodyReader, UnreadBodyMiddleware
from lib.twin.request_limits import MAX_BODY_BYTES
from tests.twin.conftest import TOKEN, RunningTwin
from tests.twin.raw_http import RawAnswer, connect, receive, request_head


def scope(**fields: str) -> dict[str, Any]:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def endless() -> Message:
    return {"type": "http.request", "body": b"x" * 65536, "more_body": True}


async def whole() -> Message:
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def read_code(reader: BodyReader, fields: dict[str, str], source: Any) -> int:
    try:
        await reader.read(Request(scope(**fields), source), len)
    except TwinApiError as error:
        return error.response.code
    return 0


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    fields = {"content_length": str(MAX_BODY_BYTES + 1)}
    assert asyncio.run(read_code(BodyReader(), fields, never)) == 3006


def test_an_endless_body_is_refused_at_the_limit() -> None:
    assert asyncio.run(read_code(BodyReader(), {"transfer_encoding": "chunked"}, endless)) == 3006


def test_a_body_that_drips_is_refused_after_the_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_TIMEOUT", 0.05)

    async def drip() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert asyncio.run(read_code(BodyReader(), {"content_length": "99999"}, drip)) == 3046


@pytest.mark.parametrize("limit", [{"MAX_OPEN_BODIES": 3}, {"MAX_OPEN_BYTES": 3}])
def test_more_bodies_at_a_time_are_refused_until_one_has_ended(
    monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(request_body, name, value)

    async def read_many() -> list[int]:
        reader, end = BodyReader(), asyncio.Event()

        async def read_slowly() -> int:
            parts = iter([{"type": "http.request", "body": b"x", "more_body": True}])

            async def source() -> Message:
                if part := next(parts, None):
                    return part
                await end.wait()
                return {"type": "http.request", "body": b"", "more_body": False}

            return await read_code(reader, {}, source)

        slow = [asyncio.create_task(read_slowly()) for _ in range(3)]
        for _ in range(5):  # each has sent its first byte
            await asyncio.sleep(0)
        refused = await read_code(reader, {}, whole)
        end.set()
        return [*await asyncio.gather(*slow), refused, await read_code(reader, {}, whole)]

    assert asyncio.run(read_many()) == [0, 0, 0, 3040, 0]


def test_a_body_is_parsed_beside_the_event_loop() -> None:
    async def parsing_thread() -> int:
        return await BodyReader().read(Request(scope(), whole), lambda _: threading.get_ident())

    assert asyncio.run(parsing_thread()) != threading.get_ident()


async def answer_unread(fields: dict[str, str], source: Any) -> tuple[list[Message], list[int]]:
    """Answer a request without reading its body. Return the messages sent, and how many were sent at each read."""
    sent: list[Message] = []
    reads: list[int] = []

    async def receive_message() -> Message:
        reads.append(len(sent))
        message: Message = await source()
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    await UnreadBodyMiddleware(JSONResponse({"refused": True}))(scope(**fields), receive_message, send)
    return sent, reads


@pytest.mark.parametrize("fields", [{}, {"content_length": "0"}, {"content_length": "2"}])
def test_a_body_that_has_arrived_keeps_the_connection(fields: dict[str, str]) -> None:
    sent, _ = asyncio.run(answer_unread(fields, whole))
    assert [message.get("more_body", False) for message in sent] == [False, False]
    assert (b"connection", b"close") not in sent[0]["headers"]


@pytest.mark.parametrize(
    ("fields", "source", "is_read_first"),
    [
        ({"content_length": "2"}, never, True),
        ({"transfer_encoding": "chunked"}, endless, True),
        ({"content_length": str(MAX_BODY_BYTES + 1)}, endless, False),
        ({"content_length": "2", "expect": "100-continue"}, never, False),
    ],
)
def test_any_other_body_closes_it_after_the_answer(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], source: Any, is_read_first: bool
) -> None:
    monkeypatch.setattr(request_body, "DISCARD_TIMEOUT", 0.05)
    start, body, end = asyncio.run(answer_unread(fields, source))[0]
    assert (b"connection", b"close") in start["headers"]
    assert body["body"] == b'{"refused":true}'
    assert body["more_body"] is True
    assert not end.get("more_body", False)
    reads = asyncio.run(answer_unread(fields, source))[1]
    # The rest is discarded when the client has the whole answer.
    assert (0 in reads) == is_read_first
    assert 2 in reads


def pieces_of(framing: bytes) -> Iterator[bytes]:
    block = b"x" * (1 << 20)
    yield framing + b"\r\n\r\n"
    while True:
        yield b"%x\r\n%b\r\n" % (len(block), block) if b"chunked" in framing else block


def send_until_refused(twin: RunningTwin, token: str, framing: bytes) -> RawAnswer:
    with connect(twin) as connection:
        connection.sendall(request_head(twin, token))
        with contextlib.suppress(ConnectionError):
            for piece in pieces_of(framing):
                connection.sendall(piece)
        return receive(connection)


def resident_mebibytes(twin: RunningTwin) -> int:
    status = Path(f"/proc/{twin.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of the twin from /proc")
@pytest.mark.parametrize("framing", [b"Content-Length: 800000000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize(("token", "code"), [(TOKEN, 3006), ("x", 9106)])
def test_a_huge_body_is_answered_and_cut_off(
    twin: RunningTwin, framing: bytes, token: str, code: int
) -> None:
    before = resident_mebibytes(twin)
    answer = send_until_refused(twin, token, framing)
    assert (answer.error_code, answer.is_closed) == (code, True)
    assert resident_mebibytes(twin) - before < 64


def test_300_slow_bodies_leave_the_twin_to_others(twin: RunningTwin) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(twin)) for _ in range(300)]
        for connection in connections:
            connection.sendall(request_head(twin, TOKEN) + b'Content-Length: 99\r\n\r\n{"prompt": "')
        assert twin.ask(prompt="x", max_tokens=1).status_code == 200
        health = twin.client.get(twin.base_url.replace("/client/v4", "/health"))
        assert (health.status_code, "running" in health.json()) == (200, True)
        # An answer's slot becomes free a moment after its last byte was sent.
        twin.wait_for(running=0, waiting=0)

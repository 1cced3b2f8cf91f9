"""A WebSocket handshake that cannot be read is refused at once, and its connection closed."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from lib.ui.shell.handshake_refusal import refuse_unreadable_handshakes

HANDSHAKE = (
    b"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n"
)


async def accept(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1000})


def read_reply(header: bytes) -> bytes:
    """Send a handshake with that header to uvicorn, as Streamlit starts it; return all until it closes."""
    config = uvicorn.Config(accept, lifespan="off", ws="websockets-sansio", log_config=None)
    config.load()
    # As in Paddock, where uvicorn has loaded its classes before the application.
    refuse_unreadable_handshakes()

    async def read_until_closed() -> bytes:
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: H11Protocol(config, state, {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(HANDSHAKE % header)
            reply = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            if b" 101 " not in reply:
                reply += await asyncio.wait_for(reader.read(), 20)
            writer.close()
        assert state.connections == set() or b" 101 " in reply
        return reply

    return asyncio.run(read_until_closed())


def test_a_proper_handshake_is_accepted() -> None:
    assert read_reply(b"Cookie: a=b\r\n").startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"X-Odd: a\x7fb\r\n", 400),
        (b"Cookie: a=" + b"x" * 20_000 + b"\r\n", 431),
        (b"X-Many: y\r\n" * 200, 431),
    ],
    ids=["control character", "long header", "many headers"],
)
def test_an_unreadable_handshake_is_refused(header: bytes, status: int) -> None:
    assert read_reply(header).startswith(b"HTTP/1.1 %d " % status)

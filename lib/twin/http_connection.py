"""HTTP connections: the loopback check, SSE streams, and clients that disconnect."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.twin import api_errors

T = TypeVar("T")
Events = AsyncGenerator[bytes, None]

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "[::1]"}


class ClientDisconnectedError(Exception):
    """The client has disconnected before the answer."""


class BreakConnectionError(Exception):
    """Raised by a stream of events to break the connection in the middle of an answer."""


async def run_while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Return the work's result, or cancel the work if the client disconnects. Raises ClientDisconnectedError."""

    async def wait_for_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(wait_for_disconnect())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnectedError
    finally:
        watching.cancel()
        if not working.done():
            # This closes the generator of pieces, which stops the engine.
            working.cancel()
            await asyncio.wait({working})


class EventStream(Response):
    """A response of server-sent events. ``events`` is closed at once when the client disconnects."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, headers: dict[str, str]) -> None:
        super().__init__(headers={**headers, "cache-control": "no-cache"})
        del self.headers["content-length"]
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_events() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self.events):
                async for event in self.events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            await run_while_connected(receive, send_events())
        except ClientDisconnectedError:
            await self.events.aclose()
        except BreakConnectionError:
            # Without the end of the body, the server has to close the connection.
            return


class EdgeMiddleware:
    """Refuses requests that do not come to a loopback host, and adds a ray id to every answer.

    A page on the web can point a domain of its own at 127.0.0.1; its requests then have that domain as Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_ray(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["cf-ray"] = f"{secrets.token_hex(8)}-LOC"
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif re.sub(r":\d+$", "", Headers(scope=scope).get("host", "")).lower() not in LOOPBACK_HOSTS:
            error = api_errors.NOT_LOOPBACK
            await JSONResponse(error.body(""), error.status)(scope, receive, with_ray)
        else:
            await self.app(scope, receive, with_ray)

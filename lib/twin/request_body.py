"""Reading the bodies of requests, which may be huge, slow, endless or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.twin import api_errors
from lib.twin.api_errors import TwinApiError
from lib.twin.request_limits import (
    BODY_TIMEOUT,
    DISCARD_TIMEOUT,
    MAX_BODY_BYTES,
    MAX_DISCARDED_BYTES,
    MAX_OPEN_BODIES,
    MAX_OPEN_BYTES,
    VALIDATION_THREADS,
)

T = TypeVar("T")


class BodyReader:
    """Reads bodies and parses them in threads, a limited number at a time: the event loop stays free."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(VALIDATION_THREADS, thread_name_prefix="validation")
        self._open_bodies = self._open_bytes = 0

    async def read(self, request: Request, parse: Callable[[bytes], T]) -> T:
        """Return ``parse`` of the body, which runs in a thread. Raises TwinApiError, ClientDisconnect."""
        if self._open_bodies >= MAX_OPEN_BODIES:
            raise TwinApiError(api_errors.NO_CAPACITY)
        self._open_bodies += 1
        body = bytearray()
        try:
            await self._receive(request, body)
            return await asyncio.get_running_loop().run_in_executor(self._threads, parse, bytes(body))
        finally:
            self._open_bodies -= 1
            self._open_bytes -= len(body)

    async def run(self, work: Callable[[], T]) -> T:
        """Return the result of work on a body, which runs in one of the threads. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _receive(self, request: Request, body: bytearray) -> None:
        """Fill ``body``. Raises TwinApiError if it is too large or too slow, ClientDisconnect."""
        if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
            raise TwinApiError(api_errors.REQUEST_TOO_LARGE)
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for block in request.stream():
                    body += block
                    self._open_bytes += len(block)
                    if len(body) > MAX_BODY_BYTES:
                        raise TwinApiError(api_errors.REQUEST_TOO_LARGE)
                    if self._open_bytes > MAX_OPEN_BYTES:
                        raise TwinApiError(api_errors.NO_CAPACITY)
        except TimeoutError:
            raise TwinApiError(api_errors.REQUEST_TIMEOUT) from None


class UnreadBodyMiddleware:
    """Closes the connection after an answer that was given before the whole body was read.

    uvicorn would keep the connection and read the rest of the body, however much and however slow.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        await self.app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        headers = Headers(scope=scope)
        length = int(headers.get("content-length", 0))
        self._is_read = not length and "transfer-encoding" not in headers
        # Asked to continue, the client would only now begin to send.
        self._is_refused_unread = length > MAX_BODY_BYTES or "expect" in headers
        self._closes = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_read = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._is_read:
            # Most of these bodies have arrived already: then the connection can be kept.
            if not self._is_refused_unread:
                await self._discard_body(MAX_BODY_BYTES)
            if not self._is_read:
                self._closes = True
                MutableHeaders(scope=message)["connection"] = "close"
        if self._closes and message["type"] == "http.response.body" and not message.get("more_body", False):
            # The client has the whole answer now, but uvicorn closes the connection only after the last message.
            await self._send({**message, "more_body": True})
            await self._discard_body(MAX_DISCARDED_BYTES)
            message = {"type": "http.response.body"}
        await self._send(message)

    async def _discard_body(self, max_bytes: int) -> None:
        size = 0
        try:
            async with asyncio.timeout(DISCARD_TIMEOUT):
                while not self._is_read and size <= max_bytes:
                    size += len((await self.receive()).get("body", b""))
        except TimeoutError:
            return

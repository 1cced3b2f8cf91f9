"""An ASGI response that is held until it is whole, and sent with another body and other headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

# Changes the headers of a whole response, and returns the body to send.
ReplyChange = Callable[[MutableHeaders, bytes], Awaitable[bytes]]


class WholeReply:
    """Passes one response on, or holds it until it is whole and sends it changed.

    ``is_changed`` decides by the message that starts a response.
    """

    def __init__(self, send: Send, is_changed: Callable[[Message], bool], change: ReplyChange) -> None:
        self._send, self._is_changed, self._change = send, is_changed, change
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_changed(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_changed(self._start)

    async def _send_changed(self, start: Message) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        body = await self._change(headers, bytes(self._body))
        if body:
            headers["content-length"] = str(len(body))
        else:  # the answer to HEAD: the length that GET would have is not known
            del headers["content-length"]
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})

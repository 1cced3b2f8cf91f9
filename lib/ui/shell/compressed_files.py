"""ASGI middleware that sends visitors the files that never change compressed. Each is compressed once.

Streamlit sends its own as they are, because it would compress a file again for each request. A browser on this
machine gets them so too: there is no network whose time could be saved.
"""

from __future__ import annotations

import asyncio
import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.ui.shell.visitor_cookie import LOCAL_OWNER, OWNER_HEADER

_TEXTS = ("text/", "application/javascript", "application/json", "image/svg+xml", "font/ttf")
_MIN_BYTES = 1000


class CompressedFiles:
    """The application, whose files that never change are compressed for visitors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # By path: the address of such a file changes with its content, and only addresses of files get here.
        self._bodies: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _may_be_compressed(scope):
            send = _CompressedReply(scope["path"], send, self._bodies).send
        await self._app(scope, receive, send)


def _may_be_compressed(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    accepted = {part.strip().lower() for part in headers.get("accept-encoding", "").split(",")}
    return "gzip" in accepted and "range" not in headers and headers.get(OWNER_HEADER) != LOCAL_OWNER


class _CompressedReply:
    """Passes one response on, or holds its body until it is whole and sends it compressed."""

    def __init__(self, path: str, send: Send, bodies: dict[str, bytes]) -> None:
        self._path, self._send, self._bodies = path, send, bodies
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_file_for_good(message):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        if self._path not in self._bodies:
            self._bodies[self._path] = await asyncio.to_thread(gzip.compress, b"".join(self._parts))
        body = self._bodies[self._path]
        headers = MutableHeaders(raw=list(self._start["headers"]))
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        headers.add_vary_header("accept-encoding")
        del headers["accept-ranges"]
        if etag := headers.get("etag"):
            headers["etag"] = f"W/{etag.removeprefix('W/')}"  # the bytes differ, the content does not
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_file_for_good(start: Message) -> bool:
    headers = Headers(raw=list(start.get("headers", ())))
    return (
        start["status"] == 200
        and "immutable" in headers.get("cache-control", "")
        and "content-encoding" not in headers
        and headers.get("content-type", "").startswith(_TEXTS)
        and int(headers.get("content-length", "0")) >= _MIN_BYTES
    )

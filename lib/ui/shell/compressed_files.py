"""ASGI middleware that sends visitors the files that never change compressed. Each is compressed once.

Streamlit sends its own as they are, because it would compress a file again for each request. A browser on this
machine gets them so too: there is no network whose time could be saved.
"""

from __future__ import annotations

import asyncio
import gzip
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.ui.shell.visitor_cookie import LOCAL_OWNER, OWNER_HEADER
from lib.ui.shell.whole_reply import WholeReply

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
            send = WholeReply(send, _is_file_for_good, partial(self._compress, scope["path"])).send
        await self._app(scope, receive, send)

    async def _compress(self, path: str, headers: MutableHeaders, body: bytes) -> bytes:
        """Return the file compressed, and say so in the headers."""
        if path not in self._bodies:
            self._bodies[path] = await asyncio.to_thread(gzip.compress, body)
        headers["content-encoding"] = "gzip"
        headers.add_vary_header("accept-encoding")
        del headers["accept-ranges"]
        if etag := headers.get("etag"):
            headers["etag"] = f"W/{etag.removeprefix('W/')}"  # the bytes differ, the content does not
        return self._bodies[path]


def _may_be_compressed(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    accepted = {part.strip().lower() for part in headers.get("accept-encoding", "").split(",")}
    return "gzip" in accepted and "range" not in headers and headers.get(OWNER_HEADER) != LOCAL_OWNER


def _is_file_for_good(start: Message) -> bool:
    headers = Headers(raw=list(start.get("headers", ())))
    return (
        start["status"] == 200
        and "immutable" in headers.get("cache-control", "")
        and "content-encoding" not in headers
        and headers.get("content-type", "").startswith(_TEXTS)
        and int(headers.get("content-length", "0")) >= _MIN_BYTES
    )

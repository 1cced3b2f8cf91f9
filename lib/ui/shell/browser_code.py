"""ASGI middleware that gives the browser the modules in ``lib/ui/widgets/browser_code``.

Their address has a hash of their content, so browsers keep them for good. A page's response names them in a header,
so that they are there before the first text is drawn.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

import streamlit as st

from lib.ui.widgets.model_text import CODE_FOLDER, CODE_PATH, code_version

_FOR_GOOD = b"public, max-age=31536000, immutable"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]


class BrowserCode:
    """The application with the modules beside it."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        base_path = (st.get_option("server.baseUrlPath") or "").strip("/")
        folder = f"{f'/{base_path}' if base_path else ''}{CODE_PATH}{code_version()}"
        self._preload = ", ".join(f"<{folder}/{name}>; rel=modulepreload" for name in _modules()).encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _, is_ours, rest = str(scope["path"]).partition(CODE_PATH)
        if is_ours:
            await _serve(rest, scope, send)
            return

        async def send_with_preload(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if any(name.lower() == b"content-type" and b"text/html" in value for name, value in headers):
                    message = {**message, "headers": [*headers, (b"link", self._preload)]}
            await send(message)

        await self._app(scope, receive, send_with_preload)


async def _serve(rest: str, scope: Message, send: Send) -> None:
    """Answer a request for ``VERSION/MODULE``."""
    version, _, name = rest.partition("/")
    body = _modules().get(name)
    if body is None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    # A page that an earlier version of Paddock drew asks for the modules of that version. It gets these.
    cache_control = _FOR_GOOD if version == code_version() else b"no-store"
    headers = [(b"content-type", b"text/javascript; charset=utf-8"), (b"cache-control", cache_control)]
    accepted = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept-encoding")
    headers.append((b"vary", b"accept-encoding"))
    if b"gzip" in accepted:
        body = _compressed(name)
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@cache
def _modules() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(CODE_FOLDER.glob("*.mjs"))}


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_modules()[name])

"""ASGI middleware that gives the browser the modules in ``lib/ui/widgets/browser_code``.

Their address has a hash of their content, so browsers keep them for good. A page's response names them in a header,
so that they are there before the first text is drawn.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.ui.shell.page_paths import server_path
from lib.ui.widgets.model_text import CODE_FOLDER, CODE_PATH, code_version

_FOR_GOOD = "public, max-age=31536000, immutable"


class BrowserCode:
    """The application with the modules beside it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._modules = {path.name: path.read_bytes() for path in sorted(CODE_FOLDER.glob("*.mjs"))}
        self._path = server_path(CODE_PATH)
        addresses = [f"<{self._path}{code_version()}/{name}>; rel=modulepreload" for name in self._modules]
        self._preload = ", ".join(addresses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(self._path):
            await self._response(scope["path"].removeprefix(self._path))(scope, receive, send)
            return

        async def send_with_preload(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                if "text/html" in headers.get("content-type", ""):
                    headers.append("link", self._preload)
                    message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with_preload)

    def _response(self, address: str) -> Response:
        """Return the response to a request for ``VERSION/MODULE``."""
        version, _, name = address.partition("/")
        body = self._modules.get(name)
        if body is None:
            return PlainTextResponse("Not found.", 404)
        # A page that an earlier version of Paddock drew asks for the modules of that version. It gets these.
        cache_control = _FOR_GOOD if version == code_version() else "no-store"
        return Response(body, headers={"cache-control": cache_control}, media_type="text/javascript")

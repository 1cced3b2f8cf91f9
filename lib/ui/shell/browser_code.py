"""ASGI middleware that gives the browser the modules in ``lib/ui/widgets/browser_code``.

Their address has a hash of their content, so browsers keep them for good. A page's response names them in a header,
so that they are there before the first text is drawn. One of them, and the address of the server, come before
Streamlit's own code.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.ui.shell import server_address
from lib.ui.shell.page_paths import server_path
from lib.ui.shell.whole_reply import WholeReply
from lib.ui.widgets.model_text import CODE_FOLDER, CODE_PATH, code_version

_FOR_GOOD = "public, max-age=31536000, immutable"
_RUNS_FIRST = "scroll_watch.mjs"
# Module scripts run in the order in which the page names them.
_STREAMLITS_SCRIPT = b'<script type="module"'


class BrowserCode:
    """The application with the modules beside it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._modules = {path.name: path.read_bytes() for path in sorted(CODE_FOLDER.glob("*.mjs"))}
        self._path = server_path(CODE_PATH)
        addresses = [f"<{self._path}{code_version()}/{name}>; rel=modulepreload" for name in self._modules]
        self._preload = ", ".join(addresses)
        first = f"{self._path}{code_version()}/{_RUNS_FIRST}"
        address = f"<script>{server_address.SCRIPT}</script>"
        self._scripts = f'{address}<script type="module" src="{first}"></script>'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(self._path):
            await self._response(scope["path"].removeprefix(self._path))(scope, receive, send)
            return
        if "text/html" in Headers(scope=scope).get("accept", ""):
            scope = _without_compression(scope)
        await self._app(scope, receive, WholeReply(send, _is_page, self._change_page).send)

    def _response(self, address: str) -> Response:
        """Return the response to a request for ``VERSION/MODULE``."""
        version, _, name = address.partition("/")
        body = self._modules.get(name)
        if body is None:
            return PlainTextResponse("Not found.", 404)
        # A page that an earlier version of Paddock drew asks for the modules of that version. It gets these.
        cache_control = _FOR_GOOD if version == code_version() else "no-store"
        return Response(body, headers={"cache-control": cache_control}, media_type="text/javascript")

    async def _change_page(self, headers: MutableHeaders, body: bytes) -> bytes:
        """Name the modules in the headers, and return the page with the scripts that run first."""
        headers.append("link", self._preload)
        # A browser that has the page of an earlier version of Paddock would keep it, without the script.
        del headers["etag"]
        del headers["last-modified"]
        return body.replace(_STREAMLITS_SCRIPT, self._scripts + _STREAMLITS_SCRIPT, 1)


def _without_compression(scope: Scope) -> Scope:
    """Return the scope of a request for a page that is answered as it is: Streamlit compresses some of them."""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
    return {**scope, "headers": kept}


def _is_page(start: Message) -> bool:
    headers = Headers(raw=list(start.get("headers", ())))
    return "text/html" in headers.get("content-type", "") and "content-encoding" not in headers

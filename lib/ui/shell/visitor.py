"""Who looks at the page: a random id in a cookie that no script can read, and headers that keep the browser safe."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import streamlit as st

COOKIE = "paddock_visitor"
LOCAL = "local"
_ID_BYTES = 24

# A second defence beside lib.ui.widgets.safe_markdown: an address that slips through there is still not fetched.
# Streamlit itself needs inline styles, blob workers and data images.
POLICY = "img-src 'self' data: blob:; media-src 'self' data: blob:; frame-src 'self' data: blob:; object-src 'none'"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Headers:
    """ASGI middleware: gives each browser its cookie with the first page that it loads."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = _cookie(scope)

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                headers.append((b"content-security-policy", POLICY.encode()))
                headers.append((b"referrer-policy", b"no-referrer"))
                html = any(
                    name.lower() == b"content-type" and value.startswith(b"text/html")
                    for name, value in headers
                )
                if html and known is None:
                    headers.append((b"set-cookie", _new_cookie(scope).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, tagged)


def _cookie(scope: MutableMapping[str, Any]) -> str | None:
    for name, value in scope.get("headers", []):
        if name.lower() == b"cookie":
            try:
                morsel = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                continue
            if morsel is not None and morsel.value:
                return morsel.value
    return None


def _new_cookie(scope: MutableMapping[str, Any]) -> str:
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    year = 365 * 24 * 3600
    return (
        f"{COOKIE}={secrets.token_urlsafe(_ID_BYTES)}; Path=/; Max-Age={year}; HttpOnly; SameSite=Lax{secure}"
    )


def owner() -> str:
    """Whose conversations this browser sees.

    On a personal machine there is one owner. Where the page is served to others: the signed-in user, else the
    browser by its cookie (its hash: the database does not hold what would let somebody in), else this session alone.
    """
    if st.user.get("is_logged_in"):
        return f"user:{st.user.get('email') or st.user.get('sub')}"
    if _loopback(st.get_option("server.address")):
        return LOCAL
    if value := st.context.cookies.get(COOKIE):
        return f"visitor:{hashlib.sha256(value.encode()).hexdigest()}"
    return str(st.session_state.setdefault("visitor", f"session:{secrets.token_hex(16)}"))


def _loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

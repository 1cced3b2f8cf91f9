"""The visitor's cookie, a random id that no script can read, and the security headers of every response."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import streamlit as st

COOKIE_NAME = "paddock_visitor"
LOCAL_OWNER = "local"
_ID_BYTES = 24

# A second defence beside lib.ui.widgets.safe_markdown: a URL that slips through there is still not fetched.
# Streamlit itself needs inline styles, blob workers and data images.
CONTENT_SECURITY_POLICY = (
    "img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "frame-src 'self' data: blob:; object-src 'none'"
)

AsgiMessage = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[AsgiMessage]]
AsgiSend = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], AsgiReceive, AsgiSend], Awaitable[None]]


class VisitorCookieAndHeaders:
    """ASGI middleware that adds the headers, and the cookie for a browser that loads its first page."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = _cookie(scope)

        async def send_with_headers(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                headers.append((b"content-security-policy", CONTENT_SECURITY_POLICY.encode()))
                headers.append((b"referrer-policy", b"no-referrer"))
                html = any(
                    name.lower() == b"content-type" and value.startswith(b"text/html")
                    for name, value in headers
                )
                if html and cookie is None:
                    headers.append((b"set-cookie", _new_cookie(scope).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _cookie(scope: MutableMapping[str, Any]) -> str | None:
    for name, value in scope.get("headers", []):
        if name.lower() == b"cookie":
            try:
                morsel = SimpleCookie(value.decode("latin-1")).get(COOKIE_NAME)
            except CookieError:
                continue
            if morsel is not None and morsel.value:
                return morsel.value
    return None


def _new_cookie(scope: MutableMapping[str, Any]) -> str:
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    year = 365 * 24 * 3600
    return f"{COOKIE_NAME}={secrets.token_urlsafe(_ID_BYTES)}; Path=/; Max-Age={year}; HttpOnly; SameSite=Lax{secure}"


def current_owner() -> str:
    """Return the owner of the conversations that this browser sees.

    A server that only this machine can reach has one owner. On any other, the owner is the signed-in user, else the
    browser by the hash of its cookie (the cookie itself would let a reader of the database in), else this session.
    """
    if st.user.get("is_logged_in"):
        return f"user:{st.user.get('email') or st.user.get('sub')}"
    if _loopback(st.get_option("server.address")):
        return LOCAL_OWNER
    if value := st.context.cookies.get(COOKIE_NAME):
        return f"visitor:{hashlib.sha256(value.encode()).hexdigest()}"
    return str(st.session_state.setdefault("visitor", f"session:{secrets.token_hex(16)}"))


def _loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

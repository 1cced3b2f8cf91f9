"""The front door: ASGI middleware around Streamlit that decides who comes in, as whom, and with which headers.

It refuses requests for names that this server is not served under, and uploads beyond the limits; it tells the page
whose the request is, gives visitors their cookie, and adds the security headers to every response, errors included.
"""

from __future__ import annotations

import asyncio
import html
import os
from dataclasses import dataclass

import streamlit as st
import uvicorn.config
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.system.paths import data_folder
from lib.ui.shell import open_files, upload_limits
from lib.ui.shell.access_rules import (
    HOSTS_VARIABLE,
    AccessRules,
    Arrival,
    header_values,
    read_access_rules,
)
from lib.ui.shell.handshake_refusal import refuse_unreadable_handshakes
from lib.ui.shell.page_paths import base_path
from lib.ui.shell.security_headers import security_headers
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, OWNER_HEADER, VisitorCookies, load_key, visitor_owner

_STARTS = ("http.response.start", "websocket.http.response.start")
# Statistics of the process are not for everybody; Paddock has no program that drives the page.
_CLOSED_PATHS = ("/_stcore/metrics", "/_stcore/agent")
# The page asks for this before it connects, also where the page itself came from the browser's cache.
_HOST_CONFIG_PATH = "/_stcore/host-config"


class FrontDoor:
    """The ASGI application that Streamlit's is wrapped in."""

    def __init__(
        self, app: ASGIApp, rules: AccessRules, cookies: VisitorCookies, base_path: str = "/"
    ) -> None:
        self._app = app
        self._rules = rules
        self._cookies = cookies
        self._base_path = base_path
        self._headers = {
            trusted: security_headers(rules, is_trustworthy=trusted) for trusted in (False, True)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            open_files.handle_loop_errors(asyncio.get_running_loop())
            await self._app(scope, receive, send)
            return
        arrival, path = self._rules.read(scope), scope["path"].removeprefix(self._base_path.rstrip("/"))
        visitor = None if arrival.is_local else self._cookies.read(header_values(scope, "cookie"))
        reply = _Reply(
            scope,
            receive,
            send,
            self._headers[arrival.is_trustworthy],
            self._base_path,
            arrival.is_https,
            None if arrival.is_local or visitor else self._cookies,
            path == _HOST_CONFIG_PATH,
        )
        refusal = self._refusal(arrival, path)
        if refusal is None and open_files.is_scarce():
            refusal = 503, "Paddock has too many visitors at the moment. Try again in a minute."
        if refusal is not None:
            await reply.refuse(*refusal)
            return
        owner = LOCAL_OWNER if arrival.is_local else visitor and visitor_owner(visitor)
        with upload_limits.reserve(scope) as is_within:
            if not is_within:
                await reply.refuse(
                    413, "This upload, with those before it, is larger than this server takes."
                )
                return
            try:
                await self._app(_with_owner(scope, arrival, owner), receive, reply.send)
            except Exception:
                if not reply.is_begun:
                    await reply.refuse(500, "Paddock failed. Its log says more.")
                raise

    def _refusal(self, arrival: Arrival, path: str) -> tuple[int, str] | None:
        """Return the status and the text of a refusal, None for a request that may come in."""
        host = arrival.host
        if host is None:
            return 400, "The request does not say which host it is for."
        if not self._rules.serves(host, arrival.address):
            return 403, (
                f"Paddock is not served under the name “{host.name}”. If the name is yours, start Paddock with "
                f"{HOSTS_VARIABLE}={host.name}"
            )
        for origin in arrival.origins:
            if not self._rules.serves_origin(origin, host):
                return 403, (
                    f"Paddock does not take requests of pages at {origin}. If the pages are Paddock's own, behind a "
                    f"proxy, start Paddock with their host's name in {HOSTS_VARIABLE}."
                )
        return (404, "Not found.") if path.startswith(_CLOSED_PATHS) else None


def _with_owner(scope: Scope, arrival: Arrival, owner: str | None) -> Scope:
    """Return the scope with the request's owner, and no owner that the request itself names."""
    owner_header = OWNER_HEADER.encode()
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != owner_header]
    if arrival.origins:
        # Streamlit compares the two again, and a proxy may have put its own name into Host.
        host = arrival.origins[0].partition("://")[2].encode("latin-1")
        headers = [(name, host if name.lower() == b"host" else value) for name, value in headers]
    if owner is not None:
        headers.append((owner_header, owner.encode()))
    return {**scope, "headers": headers}


@dataclass
class _Reply:
    """The response to one request: ``send`` passes the application's on, ``refuse`` writes one of our own.

    Both add ``security_headers``. Cookies are bound to ``base_path`` and, if the connection ``is_secure``, to secure
    connections. A visitor without a cookie gets one of ``cookies`` with the page and if it ``may_need_cookie``.
    """

    scope: Scope
    receive: Receive
    send_on: Send
    security_headers: list[tuple[bytes, bytes]]
    base_path: str
    is_secure: bool
    cookies: VisitorCookies | None
    may_need_cookie: bool
    is_begun: bool = False

    async def send(self, message: Message) -> None:
        self.is_begun = True
        if message["type"] in _STARTS:
            headers = list(message.get("headers", ()))
            is_page = any(
                name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers
            )
            if self.cookies is not None and (is_page or self.may_need_cookie):
                cookie = self.cookies.make(self.base_path, secure=self.is_secure)
                headers.append((b"set-cookie", cookie.encode()))
            message = {**message, "headers": self._with_security(headers)}
        await self.send_on(message)

    async def refuse(self, status: int, text: str) -> None:
        """Answer with a short page of that text, and close the connection."""
        if self.scope["type"] == "websocket" and "websocket.http.response" not in self.scope.get(
            "extensions", {}
        ):
            await self.send_on({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        # A refused visitor needs no cookie.
        self.cookies = None
        page = f'<!doctype html><meta charset="utf-8"><title>Paddock</title><p>{html.escape(text)}</p>'
        response = HTMLResponse(page, status, {"connection": "close"})
        await response(self.scope, self.receive, self.send)

    def _with_security(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        ours = {name for name, _ in self.security_headers}
        kept = [
            (name, self._restrict(value) if name.lower() == b"set-cookie" else value)
            for name, value in headers
            if name.lower() not in ours
        ]
        return kept + self.security_headers

    def _restrict(self, cookie: bytes) -> bytes:
        parts = [part.strip() for part in cookie.split(b";")]
        path = b"Path=" + self.base_path.encode()
        parts = [path if part.lower() == b"path=/" else part for part in parts]
        if self.is_secure and b"secure" not in [part.lower() for part in parts]:
            parts.append(b"Secure")
        return b"; ".join(parts)


def build_front_door(app: ASGIApp) -> FrontDoor:
    """Return the application with the front door of this process's configuration.

    Raises BadInput for a configuration that cannot be used.
    """
    # uvicorn would take a browser's address and scheme from the headers of every proxy on this machine.
    uvicorn.config.ProxyHeadersMiddleware = _trust_nobody  # type: ignore[attr-defined,assignment]
    refuse_unreadable_handshakes()
    open_files.raise_limit()
    rules = read_access_rules(os.environ, st.get_option("server.address"))
    return FrontDoor(app, rules, VisitorCookies(load_key(data_folder())), base_path())


def _trust_nobody(app: ASGIApp, trusted_hosts: object) -> ASGIApp:
    return app

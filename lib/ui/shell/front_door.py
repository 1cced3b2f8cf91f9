"""The front door: ASGI middleware around Streamlit that decides who comes in, as whom, and with which headers.

It refuses requests for names that this server is not served under, and uploads beyond the limits; it tells the page
whose the request is, gives visitors their cookie, and adds the security headers to every response, errors included.
"""

from __future__ import annotations

import asyncio
import html
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import streamlit as st
import uvicorn.config

from lib.paths import data_folder
from lib.ui.shell import open_files, upload_limits
from lib.ui.shell.access_rules import (
    HOSTS_VARIABLE,
    AccessRules,
    Scope,
    arrival_address,
    header_values,
    named_host,
    read_access_rules,
)
from lib.ui.shell.security_headers import security_headers
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, OWNER_HEADER, VisitorCookies, load_key, visitor_owner

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Statistics of the process are not for everybody; Paddock has no program that drives the page.
_CLOSED_PATHS = ("/_stcore/metrics", "/_stcore/agent")
# The page asks for this before it connects, also where the page itself came from the browser's cache.
_HOST_CONFIG_PATH = "/_stcore/host-config"


class FrontDoor:
    """The ASGI application that Streamlit's is wrapped in."""

    def __init__(
        self, app: AsgiApp, rules: AccessRules, cookies: VisitorCookies, base_path: str = "/"
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
        visitor = self._cookies.read(header_values(scope, "cookie"))
        reply = _Reply(self, scope, send, visitor)
        refusal = self._refusal(scope)
        if refusal is None and open_files.is_scarce():
            refusal = 503, "Paddock has too many visitors at the moment. Try again in a minute."
        if refusal is not None:
            await reply.refuse(*refusal)
            return
        with upload_limits.reserve(scope) as is_within:
            if not is_within:
                await reply.refuse(
                    413, "This upload, with those before it, is larger than this server takes."
                )
                return
            try:
                await self._app(self._named(scope, visitor), receive, reply.send)
            except Exception:
                if not reply.is_begun:
                    await reply.refuse(500, "Paddock failed. Its log says more.")
                raise

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the text of a refusal, None for a request that may come in."""
        host = named_host(scope)
        if host is None:
            return 400, "The request does not say which host it is for."
        if not self._rules.serves(host, arrival_address(scope)):
            return 403, (
                f"Paddock is not served under the name “{host.name}”. If the name is yours, start Paddock with "
                f"{HOSTS_VARIABLE}={host.name}"
            )
        for origin in header_values(scope, "origin"):
            if not self._rules.serves_origin(origin, host):
                return 403, (
                    f"Paddock does not take requests of pages at {origin}. If the pages are Paddock's own, behind a "
                    f"proxy, start Paddock with their host's name in {HOSTS_VARIABLE}."
                )
        if self.path(scope).startswith(_CLOSED_PATHS):
            return 404, "Not found."
        return None

    def _named(self, scope: Scope, visitor: str | None) -> Scope:
        """Return the scope with the request's owner, and no owner that the request itself names."""
        owner_header = OWNER_HEADER.encode()
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != owner_header]
        if origins := header_values(scope, "origin"):
            # Streamlit compares the two again, and a proxy may have put its own name into Host.
            host = origins[0].partition("://")[2].encode("latin-1")
            headers = [(name, host if name.lower() == b"host" else value) for name, value in headers]
        if self._rules.is_local(scope):
            headers.append((owner_header, LOCAL_OWNER.encode()))
        elif visitor is not None:
            headers.append((owner_header, visitor_owner(visitor).encode()))
        return {**scope, "headers": headers}

    def path(self, scope: Scope) -> str:
        """Return the path below the page's base path."""
        return str(scope["path"]).removeprefix(self._base_path.rstrip("/"))

    def new_cookie(self, scope: Scope) -> bytes:
        """Return the Set-Cookie header for a visitor who has none yet."""
        return self._cookies.make(self._base_path, secure=self._rules.is_https(scope)).encode()

    def outgoing_headers(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return a response's headers with the security headers, and its cookies bound to the page's path."""
        secure, host = self._rules.is_https(scope), named_host(scope)
        security = self._headers[secure or (host is not None and host.is_loopback)]
        ours = {name for name, _ in security}
        kept = [
            (name, self._restrict(value, secure) if name.lower() == b"set-cookie" else value)
            for name, value in headers
            if name.lower() not in ours
        ]
        return kept + security

    def _restrict(self, cookie: bytes, secure: bool) -> bytes:
        parts = [part.strip() for part in cookie.split(b";")]
        path = b"Path=" + self._base_path.encode()
        parts = [path if part.lower() == b"path=/" else part for part in parts]
        if secure and b"secure" not in [part.lower() for part in parts]:
            parts.append(b"Secure")
        return b"; ".join(parts)

    def is_visitor(self, scope: Scope) -> bool:
        """Return True for a request that needs a visitor's cookie."""
        return not self._rules.is_local(scope)


class _Reply:
    """The response to one request: ``send`` passes the application's on, ``refuse`` writes one of our own."""

    def __init__(self, door: FrontDoor, scope: Scope, send: Send, visitor: str | None) -> None:
        self._door, self._scope, self._send, self._visitor = door, scope, send, visitor
        self.is_begun = False

    async def send(self, message: Message) -> None:
        self.is_begun = True
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = list(message.get("headers", ()))
            if self._wants_cookie(headers):
                headers.append((b"set-cookie", self._door.new_cookie(self._scope)))
            message = {**message, "headers": self._door.outgoing_headers(self._scope, headers)}
        await self._send(message)

    def _wants_cookie(self, headers: list[tuple[bytes, bytes]]) -> bool:
        if self._visitor is not None or not self._door.is_visitor(self._scope):
            return False
        is_page = any(
            name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers
        )
        return is_page or self._door.path(self._scope) == _HOST_CONFIG_PATH

    async def refuse(self, status: int, text: str) -> None:
        """Answer with a short page of that text, and close the connection."""
        kind = ""
        if self._scope["type"] == "websocket":
            if "websocket.http.response" not in self._scope.get("extensions", {}):
                await self._send({"type": "websocket.close", "code": 1008, "reason": ""})
                return
            kind = "websocket."
        page = (
            f'<!doctype html><meta charset="utf-8"><title>Paddock</title><p>{html.escape(text)}</p>'.encode()
        )
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(page)).encode()),
            (b"connection", b"close"),
        ]
        self.is_begun = True
        start = {"type": f"{kind}http.response.start", "status": status}
        await self._send({**start, "headers": self._door.outgoing_headers(self._scope, headers)})
        await self._send({"type": f"{kind}http.response.body", "body": page})


def build_front_door(app: AsgiApp) -> FrontDoor:
    """Return the application with the front door of this process's configuration.

    Raises BadInput for a configuration that cannot be used.
    """
    # uvicorn would take a browser's address and scheme from the headers of every proxy on this machine.
    uvicorn.config.ProxyHeadersMiddleware = _trust_nobody  # type: ignore[attr-defined,assignment]
    open_files.raise_limit()
    rules = read_access_rules(os.environ, st.get_option("server.address"))
    base_path = f"/{(st.get_option('server.baseUrlPath') or '').strip('/')}"
    return FrontDoor(app, rules, VisitorCookies(load_key(data_folder())), base_path)


def _trust_nobody(app: AsgiApp, trusted_hosts: object) -> AsgiApp:
    return app

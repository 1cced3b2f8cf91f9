"""ASGI requests without a server, and a small application behind the front door that answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.ui.shell.access_rules import AccessRules
from lib.ui.shell.front_door import FrontDoor
from lib.ui.shell.visitor_cookie import VisitorCookies

HTML = {"content-type": "text/html; charset=utf-8"}


def make_scope(
    path: str = "/",
    *,
    headers: Mapping[str, str],
    peer: str | None = "127.0.0.1",
    scheme: str = "http",
    method: str = "GET",
) -> dict[str, Any]:
    """Return the scope of a request from ``peer``, an IP address, to a server on 127.0.0.1."""
    is_websocket = scheme in ("ws", "wss")
    return {
        "type": "websocket" if is_websocket else "http",
        "path": path,
        "scheme": scheme,
        "method": method,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": None if peer is None else (peer, 40000),
        "server": ("127.0.0.1", 8501),
        "extensions": {"websocket.http.response": {}} if is_websocket else {},
    }


@dataclass
class Behind:
    """An application that answers with these headers, or fails; it keeps the scopes that reached it."""

    reply: Mapping[str, str] = field(default_factory=lambda: dict(HTML))
    body: bytes = b"page"
    failure: Exception | None = None
    scopes: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if self.failure is not None:
            raise self.failure
        headers = [(name.encode(), value.encode()) for name, value in self.reply.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@dataclass
class Door:
    """A front door of these rules around an application."""

    rules: AccessRules = field(default_factory=AccessRules)
    app: Behind = field(default_factory=Behind)
    base_path: str = "/"
    cookies: VisitorCookies = field(default_factory=lambda: VisitorCookies(b"k" * 32))

    def request(self, scope: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages that the door answers with."""
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(dict(message))

        async def receive() -> Any:
            return {"type": "http.request"}

        asyncio.run(FrontDoor(self.app, self.rules, self.cookies, self.base_path)(scope, receive, send))
        return sent

    def get(self, path: str = "/", peer: str = "127.0.0.1", scheme: str = "http", **headers: str) -> Reply:
        """Return the reply to a GET request. Headers have underscores for hyphens."""
        named = {"host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(self.request(make_scope(path, headers=named, peer=peer, scheme=scheme)))


@dataclass
class Reply:
    """The messages of a reply, read."""

    messages: list[dict[str, Any]]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.messages).decode()

    def header(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value.decode() for key, value in self.messages[0]["headers"] if key.decode().lower() == name]

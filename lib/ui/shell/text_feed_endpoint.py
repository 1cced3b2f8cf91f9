"""ASGI middleware that sends the feeds of ``lib.ui.shell.text_feed``, each over a WebSocket.

A WebSocket, because Streamlit needs one too: a proxy that lets the page through does not hold it back, as some hold
back the body of a response.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.shell.access_rules import header_values
from lib.ui.shell.text_feed import FeedReader, TextFeed, find_feed
from lib.ui.shell.visitor_cookie import OWNER_HEADER

PATH = "/_paddock/texts/"  # of the server's address; the name of a feed follows
# Seconds between two messages. For each, the browser draws the last block of the text again.
_INTERVAL = 0.03


class TextFeedEndpoint:
    """The application with the feeds beside it. The front door stands before it and tells whose a request is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, is_ours, name = str(scope.get("path", "")).partition(PATH)
        if scope["type"] != "websocket" or not is_ours:
            await self._app(scope, receive, send)
            return
        await receive()  # the request to connect
        feed, owners = find_feed(name), header_values(scope, OWNER_HEADER)
        await send({"type": "websocket.accept"})
        if feed is None or feed.owner != (owners[0] if owners else None):
            # Accepted first: the answer may have ended before its reader came, and a browser reports a refused
            # connection as an error.
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        await _serve(feed, receive, send)


async def _serve(feed: TextFeed, receive: Receive, send: Send) -> None:
    """Send the text until it is complete or the browser has gone."""
    loop, changed, reader = asyncio.get_running_loop(), asyncio.Event(), FeedReader()

    def wake() -> None:
        if not changed.is_set():
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(changed.set)

    feed.run.add_listener(wake)
    feed.readers.add(reader)
    tasks = {
        asyncio.create_task(_send_text(feed, reader, changed, send)),
        asyncio.create_task(_read_confirmations(reader, receive)),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        feed.readers.discard(reader)
        feed.run.remove_listener(wake)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_text(feed: TextFeed, reader: FeedReader, changed: asyncio.Event, send: Send) -> None:
    new, count = feed.text_before, 0
    while True:
        changed.clear()
        is_running, parts = feed.run.read_parts(count)
        count += len(parts)
        if text := replace_lone_surrogates(new + "".join(parts)):
            reader.note_sent(text)
            await send({"type": "websocket.send", "text": text})
        new = ""
        if not is_running:
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        await asyncio.sleep(_INTERVAL)
        await changed.wait()


async def _read_confirmations(reader: FeedReader, receive: Receive) -> None:
    """Read how much the browser has received, until it goes."""
    while (message := await receive())["type"] == "websocket.receive":
        with suppress(ValueError):
            reader.note_confirmed(int(message.get("text") or ""))

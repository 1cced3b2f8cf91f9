"""The number of the autosave's state: an endpoint for it, and a component that reruns its fragment when it changes.

A page that asked by running its script would cost some milliseconds of the server each time, for each open tab. The
endpoint holds no secret: its number says only that the problem of some owner has changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import streamlit as st

from lib.ui.shell.registry import registry
from lib.ui.widgets.polling_component import define_polling_component

PATH = "/_paddock/save-state"
_PROCESS = secrets.token_hex(4)
_HEADERS = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]

# Nothing is sent for a moment after a click: see lib.ui.widgets.auto_refresh.
_SCRIPT = """
const EVERY = 750, QUIET = 1000, PATIENCE = 10000
let touched = 0
for (const event of ["pointerdown", "keydown", "popstate"])
  window.addEventListener(event, () => { touched = Date.now() }, true)

export default function ({ data, key, setTriggerValue }) {
  let sent = 0, gone = false, asking = false
  const look = async () => {
    if (asking || document.hidden) return
    asking = true
    try {
      const reply = await fetch(data.path)
      const [process, number] = reply.ok ? (await reply.text()).split(" ") : []
      // Of a server that has started again the page is drawn anyway, once it is connected.
      if (process !== data.process || number === data.number) return
      const now = Date.now()
      if (gone || now - touched < QUIET || now - sent < PATIENCE) return
      sent = now
      setTriggerValue("change", number)
    } catch {
      // The server is away. Streamlit says so.
    } finally {
      asking = false
    }
  }
  const stop = tick(key, look, EVERY)
  return () => { gone = true; stop() }
}
"""

_watch = define_polling_component("paddock_save_state", _SCRIPT)

Scope = MutableMapping[str, Any]
AsgiApp = Callable[
    [Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]
]


def watch(number: int) -> None:
    """Rerun the fragment that this is called in within two seconds of the state's number being another one."""
    base_path = (st.get_option("server.baseUrlPath") or "").strip("/")
    path = f"/{base_path}{PATH}" if base_path else PATH
    data = {"process": _PROCESS, "number": str(number), "path": path}
    _watch(key="save-state", data=data, on_change_change=lambda: None)


class SaveStateEndpoint:
    """ASGI middleware that answers with the process's random name and the number, in plain text."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Scope]],
        send: Callable[[Scope], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http" or not str(scope["path"]).endswith(PATH):
            await self._app(scope, receive, send)
            return
        body = f"{_PROCESS} {registry().autosave.state_number}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

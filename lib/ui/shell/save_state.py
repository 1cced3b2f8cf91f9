"""The number of the autosave's state: an endpoint for it, and a component that reruns its fragment when it changes.

A page that asked by running its script would cost some milliseconds of the server each time, for each open tab. The
endpoint holds no secret: its number says only that the problem of some owner has changed.
"""

from __future__ import annotations

import secrets

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.ui.shell.page_paths import server_path
from lib.ui.shell.registry import registry
from lib.ui.widgets.polling_component import define_polling_component

PATH = "/_paddock/save-state"
_PROCESS = secrets.token_hex(4)

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


def watch(number: int) -> None:
    """Rerun the fragment that this is called in within two seconds of the state's number being another one."""
    data = {"process": _PROCESS, "number": str(number), "path": server_path(PATH)}
    _watch(key="save-state", data=data, on_change_change=lambda: None)


class SaveStateEndpoint:
    """ASGI middleware that answers with the process's random name and the number, in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._path = app, server_path(PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] == self._path:
            state = f"{_PROCESS} {registry().autosave.state_number}"
            app = PlainTextResponse(state, headers={"cache-control": "no-store"})
        await app(scope, receive, send)

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
from lib.ui.widgets.polling_component import FOLLOW_STATE, define_polling_component

PATH = "/_paddock/save-state"
PROCESS = secrets.token_hex(4)

_SCRIPT = """
export default function ({ data, key, setTriggerValue }) {
  return followState(key, data, 750, number => setTriggerValue("change", number))
}
"""

_watch = define_polling_component("paddock_save_state", FOLLOW_STATE + _SCRIPT)


def watch(number: int) -> None:
    """Rerun the fragment that this is called in within two seconds of the state's number being another one."""
    data = {"process": PROCESS, "number": str(number), "path": server_path(PATH)}
    _watch(key="save-state", data=data, on_change_change=lambda: None)


class SaveStateEndpoint:
    """ASGI middleware that answers with the process's random name and the number, in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._path = app, server_path(PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] == self._path:
            state = f"{PROCESS} {registry().autosave.state_number}"
            app = PlainTextResponse(state, headers={"cache-control": "no-store"})
        await app(scope, receive, send)

"""The address of the server in each page, with a script that the content security policy allows."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from lib.ui.shell.browser_code import BrowserCode
from lib.ui.shell.server_address import SCRIPT
from tests.ui.shell.asgi_requests import Behind, Door

PAGE = '<!DOCTYPE html><html><head><script type="module" src="./static/js/index.js"></script></head></html>'


class InParts:
    """An application that answers with a page in two parts, as a file is read."""

    def __init__(self, kind: str = "text/html; charset=utf-8", page: str = PAGE) -> None:
        self._kind, self._page = kind, page.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {"content-type": self._kind, "content-length": str(len(self._page)), "etag": '"1"'}
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": listed})
        await send({"type": "http.response.body", "body": self._page[:18], "more_body": True})
        await send({"type": "http.response.body", "body": self._page[18:]})


def door(app: Any) -> Door:
    return Door(app=BrowserCode(app))  # type: ignore[arg-type]


def test_the_script_stands_before_all_others_in_the_page() -> None:
    reply = door(InParts()).get("/history")
    assert f"<head><script>{SCRIPT}</script><script type" in reply.text
    assert reply.header("content-length") == [str(len(reply.text))]
    # With Streamlit's, a browser would keep the page that it had before.
    assert reply.header("etag") == []


def test_the_policy_allows_the_script() -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    (policy,) = door(InParts()).get("/").header("content-security-policy")
    assert f"'sha256-{digest}'" in policy


def test_other_files_and_pages_stay_as_they_are() -> None:
    reply = door(InParts("text/javascript")).get("/static/js/index.js")
    assert (reply.text, reply.header("etag")) == (PAGE, ['"1"'])
    assert door(Behind()).get("/").text == "page"


def test_a_page_is_asked_for_as_it_is() -> None:
    behind = Behind()
    browser = {"accept": "text/html,application/xhtml+xml", "accept_encoding": "gzip, br"}
    door(behind).get("/history", **browser)
    door(behind).get("/static/js/index.js", accept="*/*", accept_encoding="gzip, br")
    assert [
        [name for name, _ in scope["headers"] if name == b"accept-encoding"] for scope in behind.scopes
    ] == [
        [],
        [b"accept-encoding"],
    ]

"""The browser's modules: kept for good under an address that changes with them, and known by their hash."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from lib.ui.shell.access_rules import AccessRules
from lib.ui.shell.browser_code import BrowserCode
from lib.ui.shell.compressed_files import CompressedFiles
from lib.ui.shell.server_address import SCRIPT
from lib.ui.widgets.model_text import CODE_FOLDER, CODE_PATH, code_version
from tests.ui.shell.asgi_requests import Behind, Door, Reply, make_scope

# Of dist/browser/markdown-it.esm.min.mjs in the npm package markdown-it 15.0.3.
MARKDOWN_IT = "d5432491790141da046b1197353705db03264f40b5727f3b4b591f5aba193e30"


@pytest.fixture
def door() -> Door:
    app: Any = CompressedFiles(BrowserCode(Behind({"content-type": "text/html"})))
    return Door(rules=AccessRules(hosts=("paddock.example",)), app=app)


def test_markdown_it_is_what_its_authors_published() -> None:
    assert hashlib.sha256((CODE_FOLDER / "markdown-it.mjs").read_bytes()).hexdigest() == MARKDOWN_IT


def test_a_module_is_kept_under_the_address_of_its_version(door: Door) -> None:
    reply = door.get(f"{CODE_PATH}{code_version()}/dom.mjs")
    assert (reply.status, reply.header("content-type")) == (200, ["text/javascript; charset=utf-8"])
    assert "immutable" in reply.header("cache-control")[0]
    assert reply.text == (CODE_FOLDER / "dom.mjs").read_text()
    # A page that was drawn before an update.
    earlier = door.get(f"{CODE_PATH}0123456789abcdef/dom.mjs")
    assert (earlier.status, earlier.header("cache-control")) == (200, ["no-store"])


def test_a_visitor_gets_a_module_compressed(door: Door) -> None:
    visitor = {"peer": "192.0.2.7", "host": "paddock.example", "accept_encoding": "br, gzip"}
    reply = door.get(f"{CODE_PATH}{code_version()}/dom.mjs", **visitor)
    assert reply.header("content-encoding") == ["gzip"]
    body = b"".join(message.get("body", b"") for message in reply.messages)
    assert gzip.decompress(body) == (CODE_FOLDER / "dom.mjs").read_bytes()


@pytest.mark.parametrize("name", ["", "../model_text.py", "LICENSE-markdown-it.txt", "dom.mjs/"])
def test_nothing_else_is_given_out(door: Door, name: str) -> None:
    assert door.get(f"{CODE_PATH}{code_version()}/{name}").status == 404


def test_a_module_has_one_address(door: Door) -> None:
    """Each address of a file that never changes takes memory."""
    assert door.get(f"/elsewhere{CODE_PATH}{code_version()}/dom.mjs").text == "page"


def test_a_page_names_the_modules(door: Door) -> None:
    (link,) = door.get("/").header("link")
    assert f"<{CODE_PATH}{code_version()}/model_text.mjs>; rel=modulepreload" in link


def test_a_page_runs_one_module_before_streamlits_code() -> None:
    body = (Path(st.__file__).parent / "static" / "index.html").read_bytes()
    reply = {
        "content-type": "text/html; charset=utf-8",
        "etag": '"of Streamlit"',
        "content-length": str(len(body)),
    }
    app: Any = CompressedFiles(BrowserCode(Behind(reply, body)))
    page = Door(app=app).get("/")
    ours = f'<script type="module" src="{CODE_PATH}{code_version()}/scroll_watch.mjs"></script>'
    assert page.text.split(ours)[0].count('<script type="module"') == 0
    address = f"<script>{SCRIPT}</script>"
    assert page.text.replace(address + ours, "").encode() == body
    assert page.header("content-length") == [str(len(page.text.encode()))]
    assert page.header("etag") == []


def test_the_head_of_a_page_has_no_length() -> None:
    """Streamlit says how long its page is, which grows by the scripts."""
    behind: Any = Behind({"content-type": "text/html", "content-length": "900"}, b"")
    app: Any = CompressedFiles(BrowserCode(behind))
    page = Reply(Door(app=app).request(make_scope(headers={"host": "localhost"}, method="HEAD")))
    assert (page.status, page.header("content-length")) == (200, [])

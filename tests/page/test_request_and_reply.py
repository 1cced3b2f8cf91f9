"""Request and reply: the exact text on the wire, saved with an answer, and an answer's request used again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.interruption_kinds import CONNECTION_ERRORS
from tests.page.upstream import TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import share_address

TEXT = "Grüße 👩‍👩‍👧, 日本語: *not* <b>bold</b> $5 and $6."


def raw_reply(upstream: Upstream, number: int = 0) -> str:
    """Return the reply as it was written to the socket for that request, without the last line end."""
    return upstream.requests[number].sent_body.decode().rstrip("\n")


@pytest.fixture
def expected() -> list[str]:
    return CONNECTION_ERRORS


def test_it_is_there_after_a_restart(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(make_data_folder(tmp_path / "data"))}
    upstream.plan_replies(StreamReply(TEXT))
    with AppProcess(environment, tmp_path / "log") as first:
        tab = visit(first.url)
        body = chat_controls.send_message(tab, upstream).body
        address = tab.page.url.removeprefix(tab.url)
    with AppProcess(environment, tmp_path / "log", port=first.port) as second:
        tab.open(address)
        tab.wait_until("the answer", lambda: tab.answers.count() == 1)
        box = chat_controls.open_request_and_reply(tab, "Reply as received")
        assert chat_controls.code_texts(box)[0].rstrip("\n") == raw_reply(upstream)
        chat_controls.open_request_and_reply(tab, "Headers")
        assert re.search(r"(?im)^authorization: •••$", chat_controls.code_texts(box)[0])
        chat_controls.open_request_and_reply(tab, "Request")
        assert json.loads(chat_controls.code_texts(box)[0]) == body
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "data").glob("paddock*"))
    assert "Traceback" not in second.log


def other_settings(tab: BrowserTab) -> None:
    """Change every setting to a value that was not sent."""
    tab.by_key("system").locator("textarea").fill("Be long.")
    tab.by_key("system").locator("textarea").press("Control+Enter")
    tab.number_box("temperature").fill("1.5")
    tab.number_box("temperature").press("Enter")
    tab.wait_until("1.5", lambda: tab.slider("temperature").input_value() == "1.5")
    chat_controls.choose_format(tab, "JSON")
    chat_controls.choose_form(tab, "Single prompt")


@pytest.fixture
def sent(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Return a tab with an answer to a request with tools and a system prompt; all settings have changed since."""
    tab = visit(app.url, share_address("", "Be brief.", tools=(SAMPLE_TOOLS[0].tool,)))
    upstream.plan_replies(StreamReply("An answer."))
    chat_controls.send_message(tab, upstream, "What is “this”?")
    other_settings(tab)
    return tab

"""JSON mode in a conversation: requests without streaming, and the view of each kind of answer."""

from __future__ import annotations

import json

import pytest

from lib.model.request_options import ResponseFormat
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import JsonReply, Upstream
from tests.ui.app_test_page import share_address

ITEM = {"type": "object", "properties": {"what": {"type": "string"}, "price": {"type": "number"}}}
SCHEMA = json.dumps(
    {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
)


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open a tab where answers must match the schema."""
    return visit(app.url, share_address("", response_format=ResponseFormat(SCHEMA), stream=False))


def shown(tab: BrowserTab) -> str:
    """Return the text of the last answer."""
    return tab.answers.last.inner_text()


def test_it_goes_out_whole_and_says_so(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": []}}, held=True))
    tab.send("Go")
    tab.wait_until("a request", lambda: upstream.requests)
    tab.page.get_by_text("Waiting for the whole answer").first.wait_for()
    assert upstream.requests[0].body["stream"] is False
    assert upstream.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": json.loads(SCHEMA),
    }
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer_part("Valid: all your fields are there")
    assert tab.answers.last.get_by_text("Valid: all your fields are there").count() == 1
    assert "read 21 · wrote 42 tokens" in tab.figures()

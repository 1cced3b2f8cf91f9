"""The dialog that connects an account: its AI Gateway reaches the wire, the shown request and the code."""

from __future__ import annotations

from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage

SUBMIT = "FormSubmitter:connect-Check and connect"


def connect(page: AppTestPage, gateway: str) -> AppTestPage:
    """Fill in the dialog, and submit it."""
    page.click("place")
    for key, value in (("account_id", ACCOUNT), ("token", TOKEN), ("gateway", gateway)):
        page.by_key(f"connect-{key}").set_value(value)
    page.by_key(SUBMIT).click()
    page.by_key("place").click()  # AppTest draws the whole page anew, and closes the dialog
    return page.run()


def test_a_gateway_stands_in_the_request_the_reply_and_the_code(upstream: Upstream) -> None:
    page = connect(AppTestPage(), "my-gateway")
    assert "gateway my-gateway" in page.by_key("place").label
    page.write("Hello")
    assert "cf-aig-gateway-id: my-gateway" in page.text(page.by_key("ahead"))
    reply = StreamReply("An answer.")
    reply.headers |= {"cf-aig-cache-status": "HIT", "cf-aig-log-id": "01JADMCQQQBWH3NXZ5GCRN98DP"}
    upstream.plan_replies(reply)
    page.send("Hello")
    assert upstream.requests[-1].headers["cf-aig-gateway-id"] == "my-gateway"
    line = page.text(page.answers[-1])
    assert "$0" in line
    assert "from the AI Gateway's cache" in line
    assert "1 from the AI Gateway's cache" in page.text()
    page.choose_in_menu(page.answers[-1], "Request and reply")
    id = page.message_id(page.answers[-1])
    page.choose(f"exchange-view-{id}", "Reply as received")
    shown = page.text(page.answers[-1])
    assert "AI Gateway: from its cache (HIT) · log ID 01JADMCQQQBWH3NXZ5GCRN98DP" in shown
    page.choose(f"exchange-view-{id}", "Code")
    assert "cf-aig-gateway-id: my-gateway" in page.everything()
    assert TOKEN not in page.everything()


def test_what_is_no_gateway_is_refused_in_the_dialog(upstream: Upstream) -> None:
    page = connect(AppTestPage(), "my gateway")
    assert "up to 64 letters, digits, hyphens and underscores" in page.text()
    assert upstream.requests == []

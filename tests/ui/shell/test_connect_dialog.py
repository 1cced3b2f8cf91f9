"""The dialog that connects an account: its AI Gateway reaches the wire, the shown request and the code."""

from __future__ import annotations

import pytest

from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage

SUBMIT = "FormSubmitter:connect-Check and connect"


GATEWAY_TOKEN = "gateway-token_gateway-token_87654321"


def connect(page: AppTestPage, gateway: str, gateway_token: str = "") -> AppTestPage:
    """Fill in the dialog, and submit it."""
    page.click("place")
    values = {"account_id": ACCOUNT, "token": TOKEN, "gateway": gateway, "gateway_token": gateway_token}
    for key, value in values.items():
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


def test_a_gateways_own_token_reaches_the_wire_and_nothing_else(upstream: Upstream) -> None:
    upstream.gateway_token = GATEWAY_TOKEN
    page = connect(AppTestPage(), "my-gateway", GATEWAY_TOKEN)
    assert "gateway my-gateway" in page.by_key("place").label
    (check,) = upstream.gateway_checks
    assert check["cf-aig-authorization"] == f"Bearer {GATEWAY_TOKEN}"
    page.write("Hello")
    assert "cf-aig-authorization: •••" in page.text(page.by_key("ahead"))
    reply = StreamReply(f"Your token is {GATEWAY_TOKEN}.")
    reply.headers |= {"x-echo": GATEWAY_TOKEN}
    upstream.plan_replies(reply)
    page.send(f"Hello {GATEWAY_TOKEN[:8]}")
    assert upstream.requests[-1].headers["cf-aig-authorization"] == f"Bearer {GATEWAY_TOKEN}"
    page.choose_in_menu(page.answers[-1], "Request and reply")
    id = page.message_id(page.answers[-1])
    for view in ("Request as sent", "Reply as received", "Code"):
        page.choose(f"exchange-view-{id}", view)
        # The model itself wrote it into its text; headers, events and programs do not repeat it.
        shown = page.everything().replace(f"Your token is {GATEWAY_TOKEN}.", "")
        assert GATEWAY_TOKEN not in shown, view
    assert "cf-aig-authorization: Bearer $CF_AIG_TOKEN" in page.everything()


@pytest.mark.parametrize("entered", ["", "wrong-token"])
def test_the_dialog_says_that_the_gateways_token_was_refused(upstream: Upstream, entered: str) -> None:
    upstream.gateway_token = GATEWAY_TOKEN
    page = AppTestPage()
    label = page.by_key("place").label
    page = connect(page, "my-gateway", entered)
    shown = page.text()
    assert "The AI Gateway's token was not accepted" in shown
    assert "enter it as the gateway's token" in shown
    assert page.by_key("place").label == label, "it is not connected"
    assert "wrong-token" not in page.everything().replace("connect-gateway_token", "")
    assert upstream.requests == []


@pytest.mark.parametrize("token", ["", "wrong-token", GATEWAY_TOKEN])
def test_the_gateway_that_the_server_was_started_with_is_checked_once(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    upstream.gateway_token = GATEWAY_TOKEN
    monkeypatch.setenv("CLOUDFLARE_GATEWAY_ID", "my-gateway")
    monkeypatch.setenv("CF_AIG_TOKEN", token)
    for page in (AppTestPage(), AppTestPage(path="pages/experiment.py")):
        errors = " ".join(page.errors())
        assert (
            ("did not accept its token" in errors)
            == ("as CF_AIG_TOKEN" in errors)
            == (token != GATEWAY_TOKEN)
        )
        assert "wrong-token" not in page.everything()
    assert len(upstream.gateway_checks) == 1
    assert upstream.requests == []


def test_a_gateways_token_without_a_gateway_is_refused_in_the_dialog(upstream: Upstream) -> None:
    page = connect(AppTestPage(), "", GATEWAY_TOKEN)
    assert "no gateway" in page.text()
    assert upstream.credential_checks == []

"""The dialog that connects an account: good and bad credentials, and a token that leaks nowhere."""

from __future__ import annotations

from pathlib import Path

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, TOKEN, Upstream

WRONG = "wrong-token-" + "w" * 28


def connect(tab: BrowserTab, account: str, token: str) -> None:
    """Fill in the dialog and submit it."""
    if tab.page.get_by_role("dialog").count() == 0:
        tab.by_key("place").get_by_role("button").first.click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Account ID").fill(account)
    dialog.get_by_role("textbox", name="API token").fill(token)
    dialog.get_by_role("button", name="Check and connect").first.click()


def assert_nowhere(token: str, tab: BrowserTab, app: AppProcess) -> None:
    """Assert that the token is not on the page, in its address or in the app's output."""
    inputs = tab.page.get_by_role("dialog").get_by_role("textbox", name="API token")
    for number in range(inputs.count()):
        assert inputs.nth(number).get_attribute("type") == "password"
        inputs.nth(number).fill("")
    assert token not in tab.page.content()
    assert token not in tab.page.url
    assert token not in app.log


def test_a_picture_shows_where_both_are_found(tab: BrowserTab) -> None:
    tab.by_key("place").get_by_role("button").first.click()
    picture = tab.page.get_by_role("dialog").get_by_role("img", name="Cloudflare's dashboard in a browser.")
    picture.wait_for()
    # The security policy of the page lets the browser draw it.
    tab.wait_until(
        "the picture", lambda: picture.evaluate("image => image.complete && image.naturalWidth > 0")
    )
    assert "4: the account ID" in (picture.get_attribute("alt") or "")


def test_a_wrong_token_is_refused_there(tab: BrowserTab, app: AppProcess, upstream: Upstream) -> None:
    connect(tab, ACCOUNT, WRONG)
    tab.page.get_by_role("dialog").get_by_text("The API token was not accepted").wait_for()
    assert upstream.credential_checks[-1][1] == f"Bearer {WRONG}"
    # The check sends no request that costs anything.
    assert upstream.requests == []
    tab.page.get_by_role("dialog").get_by_text("code 10000").wait_for()
    assert_nowhere(WRONG, tab, app)


def test_malformed_ones_never_leave(tab: BrowserTab, app: AppProcess, upstream: Upstream) -> None:
    connect(tab, "not-an-account", TOKEN)
    tab.page.get_by_role("dialog").get_by_text("exactly 32 characters").wait_for()
    connect(tab, ACCOUNT, 'with "quotes" inside')
    tab.page.get_by_role("dialog").get_by_text("The API token is empty, or it has").wait_for()
    assert upstream.credential_checks == []
    assert_nowhere('with "quotes" inside', tab, app)


def test_a_good_one_connects_until_the_reload(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    """Begin with malformed credentials: the app reports them, and the twin runs meanwhile."""
    environment = upstream.environment() | {"CLOUDFLARE_ACCOUNT_ID": "too-short"}
    with AppProcess(environment, tmp_path / "log") as app:
        tab = visit(app.url)
        tab.page.get_by_text(
            "The Cloudflare account that this server was started with cannot be used"
        ).wait_for()
        tab.page.get_by_text("An account ID has exactly 32 characters").wait_for()
        tab.wait_until("the twin", lambda: tab.by_key("place").inner_text().count("Practice model"))
        tab.wait_until("it is up", lambda: "on this computer (" in tab.by_key("place").inner_text())
        tab.wait_until_idle()
        connect(tab, ACCOUNT, TOKEN)
        name = f"account …{ACCOUNT[-4:]}"
        tab.wait_until("the account", lambda: name in tab.by_key("place").inner_text())
        tab.wait_until("no error", lambda: tab.page.get_by_text("cannot be used").count() == 0)
        tab.send("Go")
        tab.wait_for_end()
        assert upstream.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert_nowhere(TOKEN, tab, app)
        tab.page.reload()
        tab.wait_until("the twin again", lambda: "Practice model" in tab.by_key("place").inner_text())
        assert tab.page.get_by_text(name).count() == 0
        assert_nowhere(TOKEN, tab, app)
        # The tab closes before the app ends.
        tab.page.close()

"""The two views of the settings: what the simple one hides is still sent and said, and the choice is remembered."""

from __future__ import annotations

from lib.ui.shell import preferences
from tests.page.upstream import Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage


def test_the_simple_view_shows_few_settings_and_says_which_others_are_in_use(upstream: Upstream) -> None:
    page = AppTestPage()
    page.choose("top_k-send", True).choose("choose-raw", True)
    page.choose("choose-settings", "simple")
    for key in ("system", "choose-format", "max_tokens-send", "temperature-number", "seed-send"):
        assert page.has_key(key), key
    for key in ("choose-form", "choose-stream", "open-edit-tools", "top_k-send", "presence_penalty-send"):
        assert not page.has_key(key), key
    assert page.by_key("more-settings").label == "2 more settings in use"
    assert "No template, Top k" in page.by_key("more-settings").help
    page.send()
    assert (upstream.requests[0].body["top_k"], upstream.requests[0].body["raw"]) == (40, True)
    page.click("more-settings")
    assert page.by_key("top_k-send").value
    assert page.by_key("choose-raw").value


def test_the_view_is_remembered_on_other_pages_and_for_other_chats(upstream: Upstream) -> None:
    page = AppTestPage(path=WHOLE_APP).choose("choose-settings", "simple")
    assert not page.has_key("more-settings"), "nothing hidden is in use"
    page.go_to("compare")
    assert page.by_keys("^choose-settings-")[0].value == "simple"
    assert not page.by_keys("^top_k-send-")


def test_a_cookie_brings_only_what_could_be_a_preference() -> None:
    text = "settings=simple&section-tools=folded&Bad=1&a=<b>&settings-2=x"
    assert preferences.parse_preferences(text) == {"settings": "simple", "section-tools": "folded"}
    assert preferences.parse_preferences("%ff&&=&;") == {}

"""Settings that conflict: the page warns at the control before anything is sent, and one click fixes them."""

from __future__ import annotations

from lib.model.request_options import ResponseFormat
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.upstream import Upstream
from tests.ui.app_test_page import share_address

SCHEMA = ResponseFormat('{"type": "object"}')


def conflict_texts(tab: BrowserTab, control: str) -> list[str]:
    """Return the warnings at that control, with their buttons."""
    return [
        squeeze(text) for text in tab.page.locator(f"[class*='st-key-mend-{control}-']").all_inner_texts()
    ]


def wait_for_conflict(tab: BrowserTab, control: str, words: str) -> None:
    """Wait until that control shows a warning with these words."""
    tab.wait_until(words, lambda: any(words in text for text in conflict_texts(tab, control)))
    tab.wait_until_idle()


def test_the_panel_mends_as_well(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, share_address("Go", response_format=SCHEMA))
    wait_for_conflict(tab, "stream", "cannot appear while it is written")
    chat_controls.open_next_send(tab)
    tab.by_key("ahead").get_by_role("button", name="Turn Stream off").click()
    tab.wait_until("the control follows", lambda: not chat_controls.option_switch(tab, "stream").is_checked())
    tab.wait_until("it is mended", lambda: not conflict_texts(tab, "stream"))
    assert tab.by_key("ahead").locator("details").get_attribute("open") is not None


def test_what_is_typed_brings_and_takes_it(tab: BrowserTab, upstream: Upstream) -> None:
    """Check the control too: it is outside the fragment that each pause in typing redraws."""
    tab.wait_until_idle()
    chat_controls.toggle_option(tab, "raw")
    # There is nothing to send yet.
    assert conflict_texts(tab, "raw") == []
    tab.chat_box.fill("Hello")
    wait_for_conflict(tab, "raw", "The text has no marks of the model's chat format")
    tab.chat_box.fill("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n<|eot_id|>")
    tab.wait_until(
        "another", lambda: not any("no marks of the model" in text for text in conflict_texts(tab, "raw"))
    )
    assert tab.chat_box.input_value().startswith("<|begin_of_text|>")
    assert upstream.requests == []

"""Presets: shipped presets, the user's own, the default for new conversations, and preset files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, wait_for_value
from tests.page.conftest import Visit
from tests.page.upstream import Upstream


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open a tab without presets of the user's own."""
    with stored_conversations.open_store(app) as store:
        for preset in store.presets.load_all(LOCAL_OWNER):
            store.presets.remove(LOCAL_OWNER, preset.id)
    tab = visit(app.url)
    tab.wait_until_idle()
    return tab


def menu(tab: BrowserTab) -> Locator:
    """Open the menu of presets; return it."""
    body = tab.page.locator("[data-testid=stPopoverBody]").filter(has_text="Save current settings as")
    if body.count() == 0:
        tab.button("Presets").click()
        body.wait_for()
    tab.wait_until_idle()
    return body


def close(tab: BrowserTab) -> None:
    tab.page.keyboard.press("Escape")
    tab.wait_until("it closes", lambda: tab.page.locator("[data-testid=stPopoverBody]").count() == 0)


def own_preset_names(tab: BrowserTab) -> list[str]:
    """Return the names of the user's own presets, as the menu shows them."""
    return [
        text.strip() for text in menu(tab).locator("[class*='st-key-own-use-'] button p").all_inner_texts()
    ]


def keep_settings(tab: BrowserTab, name: str) -> None:
    """Save the current settings under that name."""
    body = menu(tab)
    body.get_by_label("Save current settings as").fill(name)
    body.get_by_role("button", name="Save", exact=True).click()
    tab.wait_until("it is kept", lambda: name in own_preset_names(tab))


def change_settings(tab: BrowserTab, system: str, temperature: str) -> None:
    box = tab.by_key("system").locator("textarea")
    box.fill(system)
    box.press("Control+Enter")
    tab.number_box("temperature").fill(temperature)
    tab.number_box("temperature").press("Enter")
    wait_for_settings(tab, system, temperature)


def wait_for_settings(tab: BrowserTab, system: str, temperature: str) -> None:
    """Wait until the page shows that system prompt and temperature."""
    tab.wait_until("the temperature", lambda: tab.slider("temperature").input_value() == temperature)
    tab.wait_until(
        "the system prompt", lambda: tab.by_key("system").locator("textarea").input_value() == system
    )
    tab.wait_until_idle()
    wait_for_value(tab.number_box("temperature"), temperature)


def choose(tab: BrowserTab, action: str) -> None:
    """Choose an action in the menu of the user's only preset."""
    menu(tab).locator("[class*='st-key-own-menu-'] button").first.click()
    tab.page.get_by_role("menuitem", name=action, exact=True).click()


def test_rename_and_delete(tab: BrowserTab) -> None:
    keep_settings(tab, "Mine")
    menu(tab).locator("[class*='st-key-own-rename-'] button").first.click()
    box = tab.page.get_by_label("Name", exact=True)
    box.fill("*Yours*")
    box.press("Enter")
    tab.wait_until("its new name", lambda: own_preset_names(tab) == ["*Yours*"])
    tab.page.reload()
    assert own_preset_names(tab) == ["*Yours*"]
    choose(tab, "Delete")
    tab.wait_until("it is gone", lambda: own_preset_names(tab) == [])


def test_a_bad_file_changes_nothing(tab: BrowserTab, tmp_path: Path) -> None:
    complaint = "Temperature must be between 0 and 5; 99 is not."
    presets = [{"name": "Good"}, {"name": "Bad", "parameters": {"temperature": 99}}]
    file = tmp_path / "presets.json"
    file.write_text(json.dumps({"format": "paddock.presets", "version": 1, "presets": presets}))
    keep_settings(tab, "Mine")
    menu(tab).get_by_text("Export or import").click()
    tab.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(file)
    menu(tab).get_by_text(complaint).wait_for()
    tab.wait_until_idle()
    assert own_preset_names(tab) == ["Mine"]
    tab.page.reload()
    assert own_preset_names(tab) == ["Mine"]


def test_a_file_carries_them(tab: BrowserTab, upstream: Upstream, tmp_path: Path) -> None:
    change_settings(tab, "Be “brief”.", "0.83")
    keep_settings(tab, "Mine")
    menu(tab).get_by_text("Export or import").click()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Export your presets").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    choose(tab, "Delete")
    tab.wait_until("it is gone", lambda: own_preset_names(tab) == [])
    close(tab)
    change_settings(tab, "", "0.6")
    menu(tab)
    if not tab.page.locator("[data-testid=stFileUploader]").is_visible():
        menu(tab).get_by_text("Export or import").click()
    tab.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(file)
    tab.wait_until("it is back", lambda: own_preset_names(tab) == ["Mine"])
    menu(tab).get_by_role("button", name="Mine", exact=True).click()
    wait_for_settings(tab, "Be “brief”.", "0.83")

"""Presets: shipped ones, one's own, the one that new conversations begin with, and files of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from lib.ui.shell.visitor import LOCAL
from tests.page import saved_outside
from tests.page.app_process import Application
from tests.page.conftest import Own, Visit
from tests.page.upstream import Upstream
from tests.page.visitor import Visitor, holds


@pytest.fixture(scope="module")
def home(own: Own) -> Application:
    """An application whose presets are these tests' alone."""
    return own()


@pytest.fixture
def tab(visit: Visit, home: Application, upstream: Upstream) -> Visitor:
    """A tab, with none of one's own."""
    with saved_outside.store(home) as store:
        for one in store.presets(LOCAL):
            store.remove_preset(LOCAL, one.id)
    tab = visit(home.url)
    tab.rest()
    return tab


def menu(tab: Visitor) -> Locator:
    """The presets, opened."""
    body = tab.page.locator("[data-testid=stPopoverBody]").filter(has_text="Keep the settings of now as")
    if body.count() == 0:
        tab.button("Presets").click()
        body.wait_for()
    tab.rest()
    return body


def close(tab: Visitor) -> None:
    tab.page.keyboard.press("Escape")
    tab.until("it closes", lambda: tab.page.locator("[data-testid=stPopoverBody]").count() == 0)


def kept(tab: Visitor) -> list[str]:
    """The names of one's own, as the menu shows them."""
    return [
        text.strip() for text in menu(tab).locator("[class*='st-key-own-use-'] button p").all_inner_texts()
    ]


def keep(tab: Visitor, name: str) -> None:
    """Keep the settings of now."""
    body = menu(tab)
    body.get_by_label("Keep the settings of now as").fill(name)
    body.get_by_role("button", name="Keep", exact=True).click()
    tab.until("it is kept", lambda: name in kept(tab))


def set_up(tab: Visitor, system: str, temperature: str) -> None:
    box = tab.key("system").locator("textarea")
    box.fill(system)
    box.press("Control+Enter")
    tab.number("temperature").fill(temperature)
    tab.number("temperature").press("Enter")
    shows(tab, system, temperature)


def shows(tab: Visitor, system: str, temperature: str) -> None:
    """Wait until the page shows that system prompt and temperature."""
    tab.until("the temperature", lambda: tab.slider("temperature").input_value() == temperature)
    tab.until("the system prompt", lambda: tab.key("system").locator("textarea").input_value() == system)
    tab.rest()
    holds(tab.number("temperature"), temperature)


def asked(tab: Visitor, upstream: Upstream) -> dict[str, Any]:
    """What a message now sends, itself aside."""
    number = len(upstream.asked)
    tab.say("Go")
    tab.until("a request", lambda: len(upstream.asked) > number)
    tab.ended()
    body = upstream.asked[number].body
    system = [turn["content"] for turn in body["messages"] if turn["role"] == "system"]
    return {name: body[name] for name in body if name not in ("messages", "stream")} | {"system": system}


def choose(tab: Visitor, action: str) -> None:
    """Something in the menu of the one preset of one's own."""
    menu(tab).locator("[class*='st-key-own-menu-'] button").first.click()
    tab.page.get_by_role("menuitem", name=action, exact=True).click()


def test_a_shipped_one_sets_everything(tab: Visitor, upstream: Upstream) -> None:
    set_up(tab, "Be brief.", "0.83")
    menu(tab).get_by_role("button", name="Creative", exact=True).click()
    shows(tab, "Be brief.", "1.1")  # it has no system prompt of its own
    close(tab)
    assert asked(tab, upstream) == {
        "temperature": 1.1,
        "top_p": 0.95,
        "repetition_penalty": 1.1,
        "max_tokens": 512,
        "system": ["Be brief."],
    }
    menu(tab).get_by_role("button", name="Translate", exact=True).click()
    system = "Translate the user's text into English. Answer with the translation alone."
    shows(tab, system, "0.1")
    close(tab)
    assert asked(tab, upstream) == {"temperature": 0.1, "max_tokens": 512, "system": [system]}


def test_the_settings_of_now_are_kept_and_used(tab: Visitor, upstream: Upstream) -> None:
    set_up(tab, "Be brief.", "0.83")
    keep(tab, "Mine")
    close(tab)
    set_up(tab, "Be long.", "1.5")
    menu(tab).get_by_role("button", name="Mine", exact=True).click()
    shows(tab, "Be brief.", "0.83")
    close(tab)
    assert asked(tab, upstream) == {"temperature": 0.83, "max_tokens": 256, "system": ["Be brief."]}
    set_up(tab, "Be long.", "1.5")
    choose(tab, "Replace with the settings now")
    close(tab)
    set_up(tab, "", "0.6")
    tab.page.reload()
    menu(tab).get_by_role("button", name="Mine", exact=True).click()
    shows(tab, "Be long.", "1.5")


def test_new_conversations_begin_with_it(
    tab: Visitor, visit: Visit, home: Application, upstream: Upstream
) -> None:
    set_up(tab, "Be brief.", "0.83")
    keep(tab, "Mine")
    choose(tab, "Begin with it")
    tab.until("it is marked", lambda: kept(tab) == ["Mine (start)"])
    other = visit(home.url)
    shows(other, "Be brief.", "0.83")
    assert asked(other, upstream) == {"temperature": 0.83, "max_tokens": 256, "system": ["Be brief."]}
    choose(tab, "Begin without it")
    tab.until("it is not marked", lambda: kept(tab) == ["Mine"])
    shows(visit(home.url), "", "0.6")


def test_rename_and_delete(tab: Visitor) -> None:
    keep(tab, "Mine")
    menu(tab).locator("[class*='st-key-own-rename-'] button").first.click()
    box = tab.page.get_by_label("Name", exact=True)
    box.fill("*Yours*")
    box.press("Enter")
    tab.until("its new name", lambda: kept(tab) == ["*Yours*"])
    tab.page.reload()
    assert kept(tab) == ["*Yours*"]
    choose(tab, "Delete")
    tab.until("it is gone", lambda: kept(tab) == [])


def test_a_preset_needs_a_name(tab: Visitor) -> None:
    menu(tab).get_by_role("button", name="Keep", exact=True).click()
    menu(tab).get_by_text("The preset has no name.").wait_for()
    assert kept(tab) == []


BROKEN = {
    "no JSON": ("{", "The file is not complete"),
    "something else": ("[]", "The file holds no presets."),
    "another version": ({"version": 99, "presets": []}, "The presets are of another version."),
    "a value out of bounds": (
        {"presets": [{"name": "Good"}, {"name": "Bad", "parameters": {"temperature": 99}}]},
        "Temperature must be between 0 and 5; 99 is not.",
    ),
    "a setting that is not known": (
        {"presets": [{"name": "Good"}, {"name": "Bad", "parameters": {"warmth": 1}}]},
        "names a setting “warmth” that the model does not have",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_bad_file_changes_nothing(tab: Visitor, tmp_path: Path, what: str) -> None:
    content, complaint = BROKEN[what]
    if isinstance(content, dict):
        content = json.dumps({"format": "paddock.presets", "version": 1} | content)
    file = tmp_path / "presets.json"
    file.write_text(content)
    keep(tab, "Mine")
    menu(tab).get_by_text("Carry them to another machine").click()
    tab.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(file)
    menu(tab).get_by_text(complaint).wait_for()
    tab.rest()
    assert kept(tab) == ["Mine"]
    tab.page.reload()
    assert kept(tab) == ["Mine"]


def test_a_file_carries_them(tab: Visitor, upstream: Upstream, tmp_path: Path) -> None:
    set_up(tab, "Be “brief”.", "0.83")
    keep(tab, "Mine")
    menu(tab).get_by_text("Carry them to another machine").click()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Export yours").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    choose(tab, "Delete")
    tab.until("it is gone", lambda: kept(tab) == [])
    close(tab)
    set_up(tab, "", "0.6")
    menu(tab)
    if not tab.page.locator("[data-testid=stFileUploader]").is_visible():
        menu(tab).get_by_text("Carry them to another machine").click()
    tab.page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(file)
    tab.until("it is back", lambda: kept(tab) == ["Mine"])
    menu(tab).get_by_role("button", name="Mine", exact=True).click()
    shows(tab, "Be “brief”.", "0.83")

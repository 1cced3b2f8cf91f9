"""Presets: the shipped ones, the user's own, the start preset of new conversations, and files of presets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.files.preset_file import shipped_presets
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.ui.app_test_page import MODEL, AppTestPage, plain_text


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    return AppTestPage()


def own_preset_names(page: AppTestPage) -> list[str]:
    """Return the names of the user's own presets, as the menu shows them."""
    return [button.label for button in page.by_keys("^own-use-")]


def keep_settings(page: AppTestPage, name: str) -> None:
    """Keep the current settings as a preset."""
    page.choose("preset-name", name)
    page.click("preset-keep")
    assert name in own_preset_names(page)


def change_settings(page: AppTestPage, system: str, temperature: float) -> None:
    page.choose("system", system)
    page.choose("temperature-number", temperature)
    assert_shows(page, system, temperature)


def assert_shows(page: AppTestPage, system: str, temperature: float) -> None:
    """Assert that the page shows that system prompt and temperature."""
    assert page.by_key("system").value == system
    assert page.by_key("temperature-number").value == temperature
    assert page.by_keys("^temperature-slide-")[0].value == temperature


def send_and_get_settings(page: AppTestPage, upstream: Upstream) -> dict[str, Any]:
    """Send a message; return what the request has beside it."""
    page.send()
    body = upstream.requests[-1].body
    system = [turn["content"] for turn in body["messages"] if turn["role"] == "system"]
    return {name: body[name] for name in body if name not in ("messages", "stream")} | {"system": system}


def click_shipped(page: AppTestPage, name: str) -> None:
    """Use the shipped preset of that name."""
    (button,) = (button for button in page.by_keys(r"^preset-\d+$") if button.label == name)
    page.click(button.key)


def use_own(page: AppTestPage) -> None:
    """Use the first of the user's own presets."""
    page.click(page.by_keys("^own-use-")[0].key)


def choose_in_menu(page: AppTestPage, action: str) -> None:
    """Choose in the menu of the first of the user's own presets."""
    page.choose(page.by_keys("^own-menu-")[0].key, action)


def test_a_shipped_preset_sets_everything(page: AppTestPage, upstream: Upstream) -> None:
    change_settings(page, "Be brief.", 0.83)
    click_shipped(page, "Creative")
    assert_shows(page, "Be brief.", 1.1)  # this preset has no system prompt
    assert send_and_get_settings(page, upstream) == {
        "temperature": 1.1,
        "top_p": 0.95,
        "repetition_penalty": 1.1,
        "max_tokens": 512,
        "system": ["Be brief."],
    }
    click_shipped(page, "Translate")
    system = "Translate the user's text into English. Answer with the translation alone."
    assert_shows(page, system, 0.1)
    assert send_and_get_settings(page, upstream) == {
        "temperature": 0.1,
        "max_tokens": 512,
        "system": [system],
    }


def test_the_current_settings_are_kept_and_used(page: AppTestPage, upstream: Upstream) -> None:
    change_settings(page, "Be brief.", 0.83)
    keep_settings(page, "Mine")
    change_settings(page, "Be long.", 1.5)
    use_own(page)
    assert_shows(page, "Be brief.", 0.83)
    assert send_and_get_settings(page, upstream) == {
        "temperature": 0.83,
        "max_tokens": 256,
        "system": ["Be brief."],
    }
    change_settings(page, "Be long.", 1.5)
    choose_in_menu(page, "Replace with current settings")
    change_settings(page, "", 0.6)
    page = page.reopen()
    use_own(page)
    assert_shows(page, "Be long.", 1.5)


def test_new_conversations_begin_with_the_start_preset(page: AppTestPage, upstream: Upstream) -> None:
    change_settings(page, "Be brief.", 0.83)
    keep_settings(page, "Mine")
    choose_in_menu(page, "Use for new chats")
    assert own_preset_names(page) == ["Mine (for new chats)"]
    other = AppTestPage()
    assert_shows(other, "Be brief.", 0.83)
    assert send_and_get_settings(other, upstream) == {
        "temperature": 0.83,
        "max_tokens": 256,
        "system": ["Be brief."],
    }
    choose_in_menu(page, "Do not use for new chats")
    assert own_preset_names(page) == ["Mine"]
    assert_shows(AppTestPage(), "", 0.6)


def test_rename_and_delete(page: AppTestPage) -> None:
    keep_settings(page, "Mine")
    (kept,) = registry().store.presets.load_all(LOCAL_OWNER)
    page.choose(f"own-renamed-{kept.id}", "*Yours*")
    assert [preset.name for preset in registry().store.presets.load_all(LOCAL_OWNER)] == ["*Yours*"]
    assert own_preset_names(page) == own_preset_names(page.reopen()) == ["\\*Yours\\*"]
    choose_in_menu(page, "Delete")
    assert own_preset_names(page) == []


def test_a_preset_that_was_changed_elsewhere_is_neither_overwritten_nor_deleted(page: AppTestPage) -> None:
    """The page shows the preset as it was: it may be in another tab, or on another server."""
    keep_settings(page, "Mine")
    change_settings(page, "Ours", 0.83)
    store = registry().store.presets
    (kept,) = store.load_all(LOCAL_OWNER)
    store.save(LOCAL_OWNER, replace(kept, body=kept.body | {"system": "Theirs"}), kept)
    choose_in_menu(page, "Replace with current settings")
    (toast,) = page.test.toast
    assert "“Mine” was changed in another tab or on another Paddock server too." in plain_text(toast.value)
    assert "yours is “Mine (2)”" in plain_text(toast.value)
    assert own_preset_names(page) == ["Mine", "Mine (2)"]
    first, second = store.load_all(LOCAL_OWNER)
    assert (first.body["system"], second.body["system"]) == ("Theirs", "Ours")
    store.save(LOCAL_OWNER, replace(first, name="Theirs"), first)
    page.choose(f"own-menu-{first.id}", "Delete")
    assert any("so it is not deleted" in error for error in page.errors())
    assert own_preset_names(page) == ["Theirs", "Mine (2)"]
    page.choose(f"own-menu-{first.id}", "Delete")
    assert own_preset_names(page) == ["Mine (2)"]


def test_a_preset_needs_a_name(page: AppTestPage) -> None:
    page.click("preset-keep")
    assert any("The preset has no name." in error for error in page.errors())
    assert own_preset_names(page) == []


BROKEN = {
    "no JSON": ("{", "The file is not complete"),
    "something else": ("[]", "The file has no presets."),
    "another version": ({"version": 99, "presets": []}, "The presets are from another version of Paddock."),
    "a value out of bounds": (
        {"presets": [{"name": "Good"}, {"name": "Bad", "parameters": {"temperature": 99}}]},
        "Temperature must be between 0 and 5; 99 is not.",
    ),
    "an unknown setting": (
        {"presets": [{"name": "Good"}, {"name": "Bad", "parameters": {"warmth": 1}}]},
        "names a setting “warmth” that the model does not have",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_bad_file_changes_nothing(page: AppTestPage, what: str) -> None:
    content, complaint = BROKEN[what]
    if isinstance(content, dict):
        content = json.dumps({"format": "paddock.presets", "version": 1} | content)
    keep_settings(page, "Mine")
    page.by_key("preset-file").upload("presets.json", content.encode(), "application/json")
    page.run()
    assert any(complaint in error for error in page.errors())
    assert own_preset_names(page) == own_preset_names(page.reopen()) == ["Mine"]


def test_a_preset_says_what_it_changed_and_closes_the_menu(page: AppTestPage, upstream: Upstream) -> None:
    page.test.session_state["presets"] = True
    click_shipped(page, "Precise")
    assert [plain_text(toast.value) for toast in page.test.toast] == ["Precise: Temperature 0"]
    assert page.test.session_state["presets"] is False
    assert send_and_get_settings(page, upstream) == {"temperature": 0, "max_tokens": 256, "system": []}
    click_shipped(page, "Precise")
    assert [plain_text(toast.value) for toast in page.test.toast] == ["Precise: nothing to change"]


@pytest.mark.parametrize("name", [preset.name for preset in shipped_presets(MODEL)])
def test_no_preset_switches_the_limit_of_the_answer_off(
    page: AppTestPage, upstream: Upstream, name: str
) -> None:
    click_shipped(page, name)
    assert send_and_get_settings(page, upstream)["max_tokens"] >= 200

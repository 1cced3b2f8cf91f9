"""The schema editor in a browser: form and JSON stay in step, nothing is lost, samples, and saved schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.jsonkit.schema_form import sample_schemas
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.schema_editor_page import SchemaEditorPage, address

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "description": "In years"}},
    "required": ["name"],
}


@pytest.fixture
def expected() -> list[str]:
    """Allow 404s: the fonts are beside app.py, not beside the test page."""
    return ["404"]


def changed(schema: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return schema | {"properties": schema["properties"] | properties}


def test_a_new_field_is_named_at_once(visit: Visit, json_mode_app: AppProcess) -> None:
    editor = SchemaEditorPage(visit(json_mode_app.url, address()))
    for number, name in enumerate(("mood", "why"), 1):
        editor.tab.button("Add a field").focus()
        editor.tab.page.keyboard.press("Enter")
        editor.tab.wait_until("a new field", lambda number=number: editor.boxes("Name").count() == number)
        editor.tab.page.wait_for_function(
            "() => { const box = document.activeElement; return box.placeholder === 'Name' && "
            "box.selectionStart === 0 && box.selectionEnd === box.value.length }"
        )
        editor.tab.page.keyboard.type(name)
        editor.tab.page.keyboard.press("Enter")
        editor.tab.wait_until("its name", lambda name=name: f'"{name}"' in editor.used_schema)
        editor.tab.wait_until_idle()
    assert editor.field_names() == ["mood", "why"]


def test_a_schema_from_nothing(visit: Visit, json_mode_app: AppProcess) -> None:
    editor = SchemaEditorPage(visit(json_mode_app.url, address()))
    editor.wait_for_message("Add the first field of the answer")
    editor.click_button("Add a field")
    editor.fill(editor.boxes("Name").first, "mood")
    editor.fill(editor.boxes("What it means (the model reads it)").first, "How it sounds")
    editor.add_allowed_values(editor.field_row("mood"), "good", "bad")
    mood = {"type": "string", "description": "How it sounds", "enum": ["good", "bad"]}
    editor.wait_until_used({"type": "object", "properties": {"mood": mood}, "required": ["mood"]})
    editor.click_button("Add a field")
    editor.fill(editor.boxes("Name").nth(1), "people")
    editor.choose_type(editor.field_row("people"), "List")
    editor.wait_for_message("Each entry:")
    editor.tab.wait_until("a list", lambda: '"array"' in editor.used_schema)
    editor.choose_type(editor.field_row("people"), "Group of fields", 1)
    editor.tab.wait_until("its first field", lambda: len(editor.field_names()) == 3)
    editor.fill(editor.boxes("Name").nth(2), "id")
    editor.tab.wait_until("its name", lambda: '"id"' in editor.used_schema)
    editor.choose_type(editor.field_row("id"), "Whole number")
    entry = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    people = {"type": "array", "items": entry}
    editor.wait_until_used(
        {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    )
    editor.tab.page.get_by_text("Allow only these fields").last.click()
    whole = {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    editor.wait_until_used(whole | {"additionalProperties": False})


def test_a_form_that_is_not_complete(visit: Visit, json_mode_app: AppProcess) -> None:
    editor = SchemaEditorPage(visit(json_mode_app.url, address(PERSON)))
    editor.fill(editor.boxes("Name").nth(1), "name")
    editor.wait_for_message("Two fields are called “name”.")
    assert json.loads(editor.used_schema) == PERSON
    editor.switch_mode("JSON")
    editor.wait_for_message("The form is not complete")
    assert editor.json_box.is_disabled()
    editor.click_button("Go to the form")
    editor.tab.wait_until("what was typed", lambda: editor.field_names() == ["name", "name"])
    editor.fill(editor.boxes("Name").nth(1), "age")
    editor.tab.wait_until("it is complete", lambda: editor.tab.alerts.count() == 0)
    editor.add_allowed_values(editor.field_row("age"), "many")
    editor.wait_for_message("The value “many” of “age” is not a whole number.")
    assert json.loads(editor.used_schema) == PERSON
    editor.choose_type(editor.field_row("age"), "Text")
    editor.wait_until_used(
        changed(PERSON, age={"type": "string", "description": "In years", "enum": ["many"]})
    )


@pytest.mark.parametrize("phone", [False, True])
def test_in_a_dialog(visit: Visit, json_mode_app: AppProcess, phone: bool) -> None:
    editor = SchemaEditorPage(
        visit(json_mode_app.url, address(json.loads(sample_schemas()[1].schema), "dialog"), phone=phone)
    )
    editor.click_button("Edit the schema")
    dialog = editor.tab.page.locator("[data-testid=stDialog]")
    editor.boxes("Name").first.wait_for()
    editor.fill(editor.boxes("Name").first, "bill")
    wide = dialog.evaluate(
        "dialog => [...dialog.querySelectorAll('*')]"
        ".filter(part => part.getBoundingClientRect().right > innerWidth + 1)"
        ".map(part => part.outerHTML.slice(0, 200))"
    )
    assert wide == [], "everything is within the window"
    editor.tab.page.keyboard.press("Escape")
    editor.wait_for_message("4 fields: bill, seller, currency, items")
    assert "bill" in editor.used_schema


def test_in_the_sidebar(visit: Visit, json_mode_app: AppProcess) -> None:
    tab: BrowserTab = visit(json_mode_app.url, address(PERSON, "sidebar"))
    editor = SchemaEditorPage(tab)
    editor.fill(editor.boxes("Name").first, "nick")
    editor.tab.wait_until("it is used", lambda: "nick" in editor.used_schema)
    edges = tab.page.locator("[data-testid=stSidebarContent]").evaluate(
        "sidebar => sidebar.scrollWidth - sidebar.clientWidth"
    )
    assert edges <= 0

"""The schema editor in a browser: form and JSON in step, nothing lost, samples, schemas kept under a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lib.jsonkit.schema_form import sample_schemas
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, wait_for_value
from tests.page.conftest import Visit
from tests.page.schema_editor_page import SchemaEditorPage, address

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "description": "In years"}},
    "required": ["name"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The page that mounts the editor."""
    with AppProcess({}, tmp_path_factory.mktemp("editor") / "log", "tests/page/json_mode_bench.py") as app:
        yield app
    assert "Traceback" not in app.log, app.log


@pytest.fixture
def expected() -> list[str]:
    """The fonts are beside app.py, not beside that page."""
    return ["404"]


def changed(schema: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return schema | {"properties": schema["properties"] | properties}


def test_form_and_json_stay_in_step(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
    editor.tab.wait_until("its two fields", lambda: editor.field_names() == ["name", "age"])
    editor.fill(editor.boxes("Name").nth(1), "years")
    renamed = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "years": {"type": "integer", "description": "In years"}},
        "required": ["name"],
    }
    editor.wait_until_used(renamed)
    editor.field_row("years").get_by_text("Required").click()
    editor.wait_until_used(renamed | {"required": ["name", "years"]})
    editor.switch_mode("JSON")
    editor.wait_for_json(renamed | {"required": ["name", "years"]})
    editor.write_json(json.dumps(renamed).replace("In years", "Since birth"))
    editor.wait_until_used(changed(renamed, years={"type": "integer", "description": "Since birth"}))
    editor.switch_mode("Form")
    wait_for_value(editor.boxes("What it means, for the model").nth(1), "Since birth")
    assert not editor.field_row("years").get_by_label("Required").is_checked()
    assert editor.tab.alerts.count() == 0


def test_a_schema_from_nothing(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address()))
    editor.wait_for_message("An answer has fields.")
    editor.click_button("Add a field")
    editor.fill(editor.boxes("Name").first, "mood")
    editor.fill(editor.boxes("What it means, for the model").first, "How it sounds")
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
    editor.tab.page.get_by_text("No other fields").last.click()
    whole = {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    editor.wait_until_used(whole | {"additionalProperties": False})


def test_fields_are_moved_copied_removed_and_brought_back(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
    editor.choose_in_row_menu(editor.field_row("age"), "Move up")
    editor.tab.wait_until("the other order", lambda: editor.field_names() == ["age", "name"])
    editor.choose_in_row_menu(editor.field_row("age"), "Duplicate")
    editor.tab.wait_until("a copy", lambda: editor.field_names() == ["age", "age_2", "name"])
    editor.choose_in_row_menu(editor.field_row("age"), "Remove")
    editor.wait_for_message("“age” was removed.")
    editor.tab.wait_until("it is gone", lambda: editor.field_names() == ["age_2", "name"])
    assert list(json.loads(editor.used_schema)["properties"]) == ["age_2", "name"]
    editor.click_button("Undo")
    editor.tab.wait_until("it is back", lambda: editor.field_names() == ["age", "age_2", "name"])
    assert list(json.loads(editor.used_schema)["properties"]) == ["age", "age_2", "name"]


def test_what_a_type_has_no_use_for_is_kept(visit: Visit, home: AppProcess) -> None:
    group = {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}
    schema = {"type": "object", "properties": {"home": group}, "required": ["home"]}
    editor = SchemaEditorPage(visit(home.url, address(schema)))
    editor.choose_type(editor.field_row("home"), "Text")
    editor.wait_until_used(changed(schema, home={"type": "string"}))
    editor.choose_type(editor.field_row("home"), "Group of fields")
    editor.wait_until_used(schema)


def test_broken_json_is_kept_and_the_last_sound_schema_used(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
    editor.switch_mode("JSON")
    broken = '{\n  "type": "object",\n  "properties": {"a": {"type": 7}}\n}'
    editor.write_json(broken)
    editor.wait_for_message("$.properties.a.type must be one of string, number, integer")
    editor.wait_for_message('   3   "properties": {"a": {"type": 7}}')
    editor.wait_for_message("the last sound schema stays in use: 2 fields: name, age")
    assert json.loads(editor.used_schema) == PERSON
    editor.switch_mode("Form")
    editor.wait_for_message("The JSON has an error, so the form cannot show it.")
    assert editor.field_names() == []
    editor.click_button("Go to the JSON")
    wait_for_value(editor.json_box, broken)
    editor.write_json(broken.replace("7", '"string"'))
    editor.wait_until_used({"type": "object", "properties": {"a": {"type": "string"}}})
    assert editor.tab.alerts.count() == 0
    editor.write_json("{")
    editor.wait_for_message("The schema is not complete")
    editor.switch_mode("Form")
    editor.click_button("Take it back")
    editor.tab.wait_until("the form", lambda: editor.field_names() == ["a"])
    editor.click_button("Undo")
    editor.switch_mode("JSON")
    wait_for_value(editor.json_box, "{")


def test_a_form_that_is_not_complete(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
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
    editor.wait_for_message("The value “many” of “age” is no whole number.")
    assert json.loads(editor.used_schema) == PERSON
    editor.choose_type(editor.field_row("age"), "Text")
    editor.wait_until_used(
        changed(PERSON, age={"type": "string", "description": "In years", "enum": ["many"]})
    )


def test_what_the_form_cannot_show(visit: Visit, home: AppProcess) -> None:
    schema = changed(PERSON, age={"type": "integer", "minimum": 0})
    editor = SchemaEditorPage(visit(home.url, address(json.dumps(schema, indent=1))))
    editor.wait_for_json(schema)  # it opens as JSON
    editor.switch_mode("Form")
    editor.wait_for_message("The form cannot show “minimum”: line 9.")
    editor.click_button("Edit as JSON")
    editor.write_json(json.dumps(PERSON))
    editor.switch_mode("Form")
    editor.tab.wait_until("the form", lambda: editor.field_names() == ["name", "age"])


def test_samples_and_the_way_back(visit: Visit, home: AppProcess) -> None:
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
    sample = sample_schemas()[1]
    editor.click_button("Samples")
    editor.click_button(sample.name)
    editor.wait_until_used(json.loads(sample.schema))
    editor.wait_for_message("A text to try it with:")
    editor.tab.page.keyboard.press("Escape")
    editor.click_button("Undo")
    editor.wait_until_used(PERSON)
    editor.click_button("Undo")
    editor.wait_until_used(json.loads(sample.schema))


def test_schemas_are_kept(visit: Visit, home: AppProcess) -> None:
    with stored_conversations.open_store(home) as store:
        for one in store.schemas.load_all(LOCAL_OWNER):
            store.schemas.remove(LOCAL_OWNER, one.id)
    editor = SchemaEditorPage(visit(home.url, address(PERSON)))
    editor.click_button("Saved")
    editor.click_button("Keep")
    editor.wait_for_message("The schema has no name.")
    editor.boxes("Keep this schema as").fill("*Mine*")
    editor.click_button("Keep")
    with stored_conversations.open_store(home) as store:
        editor.tab.wait_until(
            "it is kept", lambda: [one.name for one in store.schemas.load_all(LOCAL_OWNER)] == ["*Mine*"]
        )
        assert json.loads(store.schemas.load_all(LOCAL_OWNER)[0].body) == PERSON
    editor = SchemaEditorPage(visit(home.url, address()))
    editor.click_button("Saved")
    editor.click_button("*Mine*")
    editor.wait_until_used(PERSON)
    editor.click_button("Rename")
    box = editor.boxes("Name").last
    editor.fill(box, "Yours")
    editor.tab.page.get_by_role("button", name="Yours", exact=True).wait_for()
    editor.tab.page.locator("[class*='st-key-schema-saved-menu-'] button").click()
    editor.tab.page.get_by_role("menuitem", name="Delete", exact=True).click()
    editor.wait_for_message("“Yours” was deleted.")
    with stored_conversations.open_store(home) as store:
        assert store.schemas.load_all(LOCAL_OWNER) == ()
        editor.tab.page.locator("[class*='st-key-schema-saved-undo'] button").click()
        editor.tab.wait_until(
            "it is back", lambda: [one.name for one in store.schemas.load_all(LOCAL_OWNER)] == ["Yours"]
        )


@pytest.mark.parametrize("phone", [False, True])
def test_in_a_dialog(visit: Visit, home: AppProcess, phone: bool) -> None:
    editor = SchemaEditorPage(
        visit(home.url, address(json.loads(sample_schemas()[1].schema), "dialog"), phone=phone)
    )
    editor.click_button("Edit the schema")
    dialog = editor.tab.page.locator("[data-testid=stDialog]")
    editor.boxes("Name").first.wait_for()
    editor.fill(editor.boxes("Name").first, "bill")
    wide = dialog.evaluate(
        "dialog => [...dialog.querySelectorAll('*')]"
        ".filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 200))"
    )
    assert wide == [], "everything is within the window"
    editor.tab.page.keyboard.press("Escape")
    editor.wait_for_message("4 fields: bill, seller, currency, items")
    assert "bill" in editor.used_schema


def test_in_the_sidebar(visit: Visit, home: AppProcess) -> None:
    tab: BrowserTab = visit(home.url, address(PERSON, "sidebar"))
    editor = SchemaEditorPage(tab)
    editor.fill(editor.boxes("Name").first, "nick")
    editor.tab.wait_until("it is used", lambda: "nick" in editor.used_schema)
    edges = tab.page.locator("[data-testid=stSidebarContent]").evaluate(
        "one => one.scrollWidth - one.clientWidth"
    )
    assert edges <= 0

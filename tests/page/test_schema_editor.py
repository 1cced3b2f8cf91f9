"""The schema editor in a browser: form and JSON in step, nothing lost, samples, schemas kept under a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lib.jsonkit.schema_form import samples
from lib.ui.shell.visitor import LOCAL
from tests.page import saved_outside
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.schema_editor_page import Editor, address
from tests.page.visitor import Visitor, holds

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "description": "In years"}},
    "required": ["name"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """The page that mounts the editor."""
    with Application({}, tmp_path_factory.mktemp("editor") / "log", "tests/page/json_mode_bench.py") as app:
        yield app
    assert "Traceback" not in app.log, app.log


@pytest.fixture
def expected() -> list[str]:
    """The fonts are beside app.py, not beside that page."""
    return ["404"]


def changed(schema: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return schema | {"properties": schema["properties"] | properties}


def test_form_and_json_stay_in_step(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address(PERSON)))
    editor.tab.until("its two fields", lambda: editor.names() == ["name", "age"])
    editor.fill(editor.boxes("Name").nth(1), "years")
    renamed = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "years": {"type": "integer", "description": "In years"}},
        "required": ["name"],
    }
    editor.uses(renamed)
    editor.row("years").get_by_text("Required").click()
    editor.uses(renamed | {"required": ["name", "years"]})
    editor.turn("JSON")
    editor.reads(renamed | {"required": ["name", "years"]})
    editor.write(json.dumps(renamed).replace("In years", "Since birth"))
    editor.uses(changed(renamed, years={"type": "integer", "description": "Since birth"}))
    editor.turn("Form")
    holds(editor.boxes("What it means, for the model").nth(1), "Since birth")
    assert not editor.row("years").get_by_label("Required").is_checked()
    assert editor.tab.alert.count() == 0


def test_a_schema_from_nothing(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address()))
    editor.says("An answer has fields.")
    editor.press("Add a field")
    editor.fill(editor.boxes("Name").first, "mood")
    editor.fill(editor.boxes("What it means, for the model").first, "How it sounds")
    editor.allow(editor.row("mood"), "good", "bad")
    mood = {"type": "string", "description": "How it sounds", "enum": ["good", "bad"]}
    editor.uses({"type": "object", "properties": {"mood": mood}, "required": ["mood"]})
    editor.press("Add a field")
    editor.fill(editor.boxes("Name").nth(1), "people")
    editor.type(editor.row("people"), "List")
    editor.says("Each entry:")
    editor.tab.until("a list", lambda: '"array"' in editor.used)
    editor.type(editor.row("people"), "Group of fields", 1)
    editor.tab.until("its first field", lambda: len(editor.names()) == 3)
    editor.fill(editor.boxes("Name").nth(2), "id")
    editor.tab.until("its name", lambda: '"id"' in editor.used)
    editor.type(editor.row("id"), "Whole number")
    entry = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    people = {"type": "array", "items": entry}
    editor.uses(
        {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    )
    editor.tab.page.get_by_text("No other fields").last.click()
    whole = {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    editor.uses(whole | {"additionalProperties": False})


def test_fields_are_moved_copied_removed_and_brought_back(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address(PERSON)))
    editor.act(editor.row("age"), "Move up")
    editor.tab.until("the other order", lambda: editor.names() == ["age", "name"])
    editor.act(editor.row("age"), "Duplicate")
    editor.tab.until("a copy", lambda: editor.names() == ["age", "age_2", "name"])
    editor.act(editor.row("age"), "Remove")
    editor.says("“age” was removed.")
    editor.tab.until("it is gone", lambda: editor.names() == ["age_2", "name"])
    assert list(json.loads(editor.used)["properties"]) == ["age_2", "name"]
    editor.press("Undo")
    editor.tab.until("it is back", lambda: editor.names() == ["age", "age_2", "name"])
    assert list(json.loads(editor.used)["properties"]) == ["age", "age_2", "name"]


def test_what_a_type_has_no_use_for_is_kept(visit: Visit, home: Application) -> None:
    group = {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}
    schema = {"type": "object", "properties": {"home": group}, "required": ["home"]}
    editor = Editor(visit(home.url, address(schema)))
    editor.type(editor.row("home"), "Text")
    editor.uses(changed(schema, home={"type": "string"}))
    editor.type(editor.row("home"), "Group of fields")
    editor.uses(schema)


def test_broken_json_is_kept_and_the_last_sound_schema_used(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address(PERSON)))
    editor.turn("JSON")
    broken = '{\n  "type": "object",\n  "properties": {"a": {"type": 7}}\n}'
    editor.write(broken)
    editor.says("$.properties.a.type must be one of string, number, integer")
    editor.says('   3   "properties": {"a": {"type": 7}}')
    editor.says("the last sound schema stays in use: 2 fields: name, age")
    assert json.loads(editor.used) == PERSON
    editor.turn("Form")
    editor.says("The JSON has an error, so the form cannot show it.")
    assert editor.names() == []
    editor.press("Go to the JSON")
    holds(editor.box, broken)
    editor.write(broken.replace("7", '"string"'))
    editor.uses({"type": "object", "properties": {"a": {"type": "string"}}})
    assert editor.tab.alert.count() == 0
    editor.write("{")
    editor.says("The schema is not complete")
    editor.turn("Form")
    editor.press("Take it back")
    editor.tab.until("the form", lambda: editor.names() == ["a"])
    editor.press("Undo")
    editor.turn("JSON")
    holds(editor.box, "{")


def test_a_form_that_is_not_complete(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address(PERSON)))
    editor.fill(editor.boxes("Name").nth(1), "name")
    editor.says("Two fields are called “name”.")
    assert json.loads(editor.used) == PERSON
    editor.turn("JSON")
    editor.says("The form is not complete")
    assert editor.box.is_disabled()
    editor.press("Go to the form")
    editor.tab.until("what was typed", lambda: editor.names() == ["name", "name"])
    editor.fill(editor.boxes("Name").nth(1), "age")
    editor.tab.until("it is complete", lambda: editor.tab.alert.count() == 0)
    editor.allow(editor.row("age"), "many")
    editor.says("The value “many” of “age” is no whole number.")
    assert json.loads(editor.used) == PERSON
    editor.type(editor.row("age"), "Text")
    editor.uses(changed(PERSON, age={"type": "string", "description": "In years", "enum": ["many"]}))


def test_what_the_form_cannot_show(visit: Visit, home: Application) -> None:
    schema = changed(PERSON, age={"type": "integer", "minimum": 0})
    editor = Editor(visit(home.url, address(json.dumps(schema, indent=1))))
    editor.reads(schema)  # it opens as JSON
    editor.turn("Form")
    editor.says("The form cannot show “minimum”: line 9.")
    editor.press("Edit as JSON")
    editor.write(json.dumps(PERSON))
    editor.turn("Form")
    editor.tab.until("the form", lambda: editor.names() == ["name", "age"])


def test_samples_and_the_way_back(visit: Visit, home: Application) -> None:
    editor = Editor(visit(home.url, address(PERSON)))
    sample = samples()[1]
    editor.press("Samples")
    editor.press(sample.name)
    editor.uses(json.loads(sample.schema))
    editor.says("A text to try it with:")
    editor.tab.page.keyboard.press("Escape")
    editor.press("Undo")
    editor.uses(PERSON)
    editor.press("Undo")
    editor.uses(json.loads(sample.schema))


def test_schemas_are_kept(visit: Visit, home: Application) -> None:
    with saved_outside.store(home) as store:
        for one in store.schemas(LOCAL):
            store.remove_schema(LOCAL, one.id)
    editor = Editor(visit(home.url, address(PERSON)))
    editor.press("Saved")
    editor.press("Keep")
    editor.says("The schema has no name.")
    editor.boxes("Keep this schema as").fill("*Mine*")
    editor.press("Keep")
    with saved_outside.store(home) as store:
        editor.tab.until("it is kept", lambda: [one.name for one in store.schemas(LOCAL)] == ["*Mine*"])
        assert json.loads(store.schemas(LOCAL)[0].body) == PERSON
    editor = Editor(visit(home.url, address()))
    editor.press("Saved")
    editor.press("*Mine*")
    editor.uses(PERSON)
    editor.press("Rename")
    box = editor.boxes("Name").last
    editor.fill(box, "Yours")
    editor.tab.page.get_by_role("button", name="Yours", exact=True).wait_for()
    editor.tab.page.locator("[class*='st-key-schema-saved-menu-'] button").click()
    editor.tab.page.get_by_role("menuitem", name="Delete", exact=True).click()
    editor.says("“Yours” was deleted.")
    with saved_outside.store(home) as store:
        assert store.schemas(LOCAL) == ()
        editor.tab.page.locator("[class*='st-key-schema-saved-undo'] button").click()
        editor.tab.until("it is back", lambda: [one.name for one in store.schemas(LOCAL)] == ["Yours"])


@pytest.mark.parametrize("phone", [False, True])
def test_in_a_dialog(visit: Visit, home: Application, phone: bool) -> None:
    editor = Editor(visit(home.url, address(json.loads(samples()[1].schema), "dialog"), phone=phone))
    editor.press("Edit the schema")
    dialog = editor.tab.page.locator("[data-testid=stDialog]")
    editor.boxes("Name").first.wait_for()
    editor.fill(editor.boxes("Name").first, "bill")
    wide = dialog.evaluate(
        "dialog => [...dialog.querySelectorAll('*')]"
        ".filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 200))"
    )
    assert wide == [], "everything is within the window"
    editor.tab.page.keyboard.press("Escape")
    editor.says("4 fields: bill, seller, currency, items")
    assert "bill" in editor.used


def test_in_the_sidebar(visit: Visit, home: Application) -> None:
    tab: Visitor = visit(home.url, address(PERSON, "sidebar"))
    editor = Editor(tab)
    editor.fill(editor.boxes("Name").first, "nick")
    editor.tab.until("it is used", lambda: "nick" in editor.used)
    edges = tab.page.locator("[data-testid=stSidebarContent]").evaluate(
        "one => one.scrollWidth - one.clientWidth"
    )
    assert edges <= 0

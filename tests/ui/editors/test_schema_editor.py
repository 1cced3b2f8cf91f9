"""The schema editor: form and JSON in step, nothing lost, samples, schemas kept under a name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from lib.jsonkit.schema_form import sample_schemas
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.ui.app_test_page import AppTestPage, plain_text

APP = "tests/page/json_mode_bench.py"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "description": "In years"}},
    "required": ["name"],
}


class SchemaEditor(AppTestPage):
    """A session with the editor, at first with that schema."""

    def __init__(self, schema: Any = None) -> None:
        text = schema if isinstance(schema, str) else "" if schema is None else json.dumps(schema)
        super().__init__("/?" + urlencode({"where": "page", "schema": text}), APP)

    @property
    def used(self) -> Any:
        """Return the schema in use."""
        return json.loads(self.codes(self.by_key("used"))[0])

    @property
    def names(self) -> list[str]:
        """Return the names of the fields, from the top, nested ones included."""
        return [box.value for box in self.by_keys(r"^schema-name-")]

    def key_of(self, name: str, part: str) -> str:
        """Return the key of a control of the field of that name."""
        (box,) = (box for box in self.by_keys(r"^schema-name-") if box.value == name)
        return f"schema-{part}-{box.key.rpartition('-')[2]}"

    def choose_type(self, name: str, words: str) -> None:
        self.choose_option(self.by_key(self.key_of(name, "type")), words)

    def choose_option(self, select: Any, words: str) -> None:
        select.select_index(select.options.index(words))
        self.run()

    def write_json(self, text: str) -> None:
        self.choose("schema-text", text)

    def switch_mode(self, mode: str) -> None:
        self.choose("schema-mode", mode)

    @property
    def warnings(self) -> list[str]:
        """Return the errors, warnings and notes on the page."""
        alerts = [*self.test.error, *self.test.warning, *self.test.info]
        return [plain_text(alert.value) for alert in alerts]


def with_properties(schema: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return schema | {"properties": schema["properties"] | properties}


@pytest.fixture(autouse=True)
def _no_schemas() -> None:
    store = registry().store
    for kept in store.schemas.load_all(LOCAL_OWNER):
        store.schemas.remove(LOCAL_OWNER, kept.id)


def test_form_and_json_stay_in_step() -> None:
    editor = SchemaEditor(PERSON)
    assert editor.names == ["name", "age"]
    editor.choose(editor.key_of("age", "name"), "years")
    renamed = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "years": {"type": "integer", "description": "In years"}},
        "required": ["name"],
    }
    assert editor.used == renamed
    editor.choose(editor.key_of("years", "required"), True)
    assert editor.used == renamed | {"required": ["name", "years"]}
    editor.switch_mode("JSON")
    assert json.loads(editor.by_key("schema-text").value) == renamed | {"required": ["name", "years"]}
    editor.write_json(json.dumps(renamed).replace("In years", "Since birth"))
    assert editor.used == with_properties(renamed, years={"type": "integer", "description": "Since birth"})
    editor.switch_mode("Form")
    assert editor.by_key(editor.key_of("years", "description")).value == "Since birth"
    assert not editor.by_key(editor.key_of("years", "required")).value
    assert editor.warnings == []


def test_a_nested_schema_from_nothing() -> None:
    editor = SchemaEditor()
    assert "Add the first field of the answer, or start with a sample." in editor.texts()
    add = editor.by_keys("^schema-add-")[0].key
    editor.click(add)
    editor.choose(editor.key_of(editor.names[0], "name"), "mood")
    editor.choose(editor.key_of("mood", "description"), "How it sounds")
    mood = {"type": "string", "description": "How it sounds"}
    assert editor.used == {"type": "object", "properties": {"mood": mood}, "required": ["mood"]}
    editor.click(add)
    editor.choose(editor.key_of(editor.names[1], "name"), "people")
    editor.choose_type("people", "List")
    assert any("Each entry:" in text for text in editor.texts())
    assert editor.used["properties"]["people"]["type"] == "array"
    editor.choose_option(editor.by_keys("^schema-type-")[-1], "Group of fields")
    assert len(editor.names) == 3
    editor.choose(editor.key_of(editor.names[2], "name"), "id")
    editor.choose_type("id", "Whole number")
    entry = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    people = {"type": "array", "items": entry}
    whole = {"type": "object", "properties": {"mood": mood, "people": people}, "required": ["mood", "people"]}
    assert editor.used == whole
    editor.choose(editor.by_keys("^schema-closed-")[-1].key, True)
    assert editor.used == whole | {"additionalProperties": False}


def test_fields_are_moved_copied_removed_and_restored() -> None:
    editor = SchemaEditor(PERSON)
    editor.choose(editor.key_of("age", "menu"), "Move up")
    assert editor.names == ["age", "name"]
    editor.choose(editor.key_of("age", "menu"), "Duplicate")
    assert editor.names == ["age", "age_2", "name"]
    editor.choose(editor.key_of("age", "menu"), "Remove")
    assert "“age” was removed." in editor.texts()
    assert editor.names == list(editor.used["properties"]) == ["age_2", "name"]
    editor.click("schema-undo")
    assert editor.names == list(editor.used["properties"]) == ["age", "age_2", "name"]


def test_what_another_type_does_not_use_is_kept() -> None:
    group = {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}
    schema = {"type": "object", "properties": {"home": group}, "required": ["home"]}
    editor = SchemaEditor(schema)
    editor.choose_type("home", "Text")
    assert editor.used == with_properties(schema, home={"type": "string"})
    editor.choose_type("home", "Group of fields")
    assert editor.used == schema


def test_broken_json_is_kept_and_the_last_valid_schema_used() -> None:
    editor = SchemaEditor(PERSON)
    editor.switch_mode("JSON")
    broken = '{\n  "type": "object",\n  "properties": {"a": {"type": 7}}\n}'
    editor.write_json(broken)
    assert "$.properties.a.type must be one of string, number, integer" in editor.text()
    assert any('   3   "properties": {"a": {"type": 7}}' in code for code in editor.codes())
    assert "the last valid version stays in use: 2 fields: name, age" in editor.text()
    assert editor.used == PERSON
    editor.switch_mode("Form")
    assert any("The JSON has an error, so the form cannot show it." in text for text in editor.warnings)
    assert editor.names == []
    editor.click("schema-mend")
    assert editor.by_key("schema-text").value == broken
    editor.write_json(broken.replace("7", '"string"'))
    assert editor.used == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert editor.warnings == []
    editor.write_json("{")
    assert "The schema is not complete" in editor.text()
    editor.switch_mode("Form")
    editor.click("schema-back")
    assert editor.names == ["a"]
    editor.click("schema-undo")
    editor.switch_mode("JSON")
    assert editor.by_key("schema-text").value == "{"


def test_a_form_that_is_not_complete() -> None:
    editor = SchemaEditor(PERSON)
    editor.choose(editor.key_of("age", "name"), "name")
    assert "Two fields are called “name”." in editor.text()
    assert editor.used == PERSON
    editor.switch_mode("JSON")
    assert any("The form is not complete" in text for text in editor.warnings)
    assert editor.by_key("schema-text").disabled
    editor.click("schema-mend")
    assert editor.names == ["name", "name"]
    editor.choose(editor.by_keys("^schema-name-")[1].key, "age")
    assert editor.warnings == []


def test_allowed_values_are_of_the_type_of_the_field() -> None:
    editor = SchemaEditor(PERSON)
    editor.choose(editor.key_of("age", "enum"), ["many"])
    assert "The value “many” of “age” is not a whole number." in editor.text()
    assert editor.used == PERSON
    editor.choose_type("age", "Text")
    assert editor.warnings == []
    age = {"type": "string", "description": "In years", "enum": ["many"]}
    assert editor.used == with_properties(PERSON, age=age)
    editor.choose(editor.key_of("age", "enum"), ["7", "8.5"])
    editor.choose_type("age", "Whole number")
    assert "The value “8.5” of “age” is not a whole number." in editor.text()
    assert editor.used == with_properties(PERSON, age=age | {"enum": ["7", "8.5"]})
    editor.choose_type("age", "Number")
    assert editor.used == with_properties(PERSON, age=age | {"type": "number", "enum": [7, 8.5]})


def test_a_schema_that_the_form_cannot_show() -> None:
    schema = with_properties(PERSON, age={"type": "integer", "minimum": 0})
    editor = SchemaEditor(json.dumps(schema, indent=1))
    assert json.loads(editor.by_key("schema-text").value) == schema  # it opens as JSON
    editor.switch_mode("Form")
    assert any("The form cannot show “minimum”: line 9." in text for text in editor.warnings)
    editor.click("schema-as-json")
    editor.write_json(json.dumps(PERSON))
    editor.switch_mode("Form")
    assert editor.names == ["name", "age"]


def test_samples_and_undo() -> None:
    editor = SchemaEditor(PERSON)
    sample = sample_schemas()[1]
    assert editor.by_key("schema-sample-1").label == sample.name
    editor.click("schema-sample-1")
    assert editor.used == json.loads(sample.schema)
    assert "A text to try it with:" in editor.texts()
    editor.click("schema-undo")
    assert editor.used == PERSON
    editor.click("schema-undo")
    assert editor.used == json.loads(sample.schema)


def test_a_renamed_field_of_a_sample_loses_the_samples_texts() -> None:
    editor = SchemaEditor(PERSON)
    editor.click("schema-sample-2")  # sentiment (values), confidence (a description), reason (a description)
    sentiment, confidence, _ = editor.by_keys("^schema-name-")
    editor.choose(sentiment.key, "genre")
    editor.choose(confidence.key, "pages")
    assert editor.used["properties"] == {
        "genre": {"type": "string"},
        "pages": {"type": "number"},
        "reason": {"type": "string", "description": "One sentence"},
    }
    editor.click("schema-undo")
    assert editor.used["properties"]["confidence"]["description"] == "From 0, a guess, to 1, certain"


def test_own_texts_of_a_renamed_field_stay() -> None:
    editor = SchemaEditor(PERSON)
    editor.click("schema-sample-2")
    editor.choose(editor.by_keys("^schema-description-")[2].key, "How sure you are")
    editor.choose(editor.by_keys("^schema-name-")[1].key, "certainty")
    assert editor.used["properties"]["certainty"] == {"type": "number", "description": "How sure you are"}


def test_schemas_are_kept() -> None:
    store = registry().store
    editor = SchemaEditor(PERSON)
    editor.click("schema-saved-keep")
    assert any("The fields have no name." in error for error in editor.errors())
    editor.choose("schema-saved-name", "*Mine*")
    editor.click("schema-saved-keep")
    (kept,) = store.schemas.load_all(LOCAL_OWNER)
    assert kept.name == "*Mine*"
    assert json.loads(kept.body) == PERSON
    editor = SchemaEditor()
    editor.click(f"schema-saved-use-{kept.id}")
    assert editor.used == PERSON
    editor.choose(f"schema-saved-renamed-{kept.id}", "Yours")
    assert editor.by_key(f"schema-saved-use-{kept.id}").label == "Yours"
    editor.choose(f"schema-saved-menu-{kept.id}", "Delete")
    assert "“Yours” was deleted." in editor.texts()
    assert store.schemas.load_all(LOCAL_OWNER) == ()
    editor.click("schema-saved-undo")
    assert [kept.name for kept in store.schemas.load_all(LOCAL_OWNER)] == ["Yours"]


def test_a_schema_that_was_changed_elsewhere_is_not_overwritten() -> None:
    store = registry().store.schemas
    editor = SchemaEditor(PERSON)
    editor.choose("schema-saved-name", "Mine")
    editor.click("schema-saved-keep")
    (kept,) = store.load_all(LOCAL_OWNER)
    store.save(LOCAL_OWNER, replace(kept, name="Theirs"), kept)
    editor.choose(f"schema-saved-renamed-{kept.id}", "Ours")
    assert [saved.name for saved in store.load_all(LOCAL_OWNER)] == ["Theirs", "Ours"]
    store.save(LOCAL_OWNER, replace(kept, name="Theirs", body="true"), replace(kept, name="Theirs"))
    editor.choose(f"schema-saved-menu-{kept.id}", "Delete")
    assert any("so it is not deleted" in error for error in editor.errors())
    assert [saved.name for saved in store.load_all(LOCAL_OWNER)] == ["Theirs", "Ours"]

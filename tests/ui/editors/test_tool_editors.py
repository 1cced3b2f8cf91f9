"""The editors of tools and functions, and the cards of calls, on a page of their own."""

from __future__ import annotations

import json
import re
from typing import Any

from lib.ui.editors.function_editor import EMBEDDED
from tests.ui.app_test_page import AppTestPage

APP = "tests/page/tool_bench.py"


def open_page(show: str = "tools", which: str = "0,1,2,3") -> AppTestPage:
    return AppTestPage(f"/?show={show}&which={which}", APP)


def definitions_in_use(page: AppTestPage, number: int = 0) -> list[dict[str, Any]]:
    """Return the tools that came out of the editor; with 1 the functions."""
    return list(json.loads(page.codes(page.by_key("in-use"))[number]))


def names(page: AppTestPage, number: int = 0) -> list[str]:
    return [one.get("name") or one["function"]["name"] for one in definitions_in_use(page, number)]


def add(page: AppTestPage, *samples: str) -> AppTestPage:
    """Add these sample tools."""
    for sample in samples:
        page.click(f"editor-sample-{sample}")
    return page


def box_key(page: AppTestPage, pattern: str, number: int = -1) -> str:
    """Return the key of one of the boxes whose key matches."""
    return str(page.by_keys(pattern)[number].key)


TOOL_NAME = r"^editor-\d+-name$"
TOOL_DESCRIPTION = r"^editor-\d+-description$"
ROW_NAME = r"^editor-\d+-\d+-name$"
ROW_DESCRIPTION = r"^editor-\d+-\d+-description$"


def test_a_tool_made_in_the_form() -> None:
    page = open_page().click("editor-add")
    page.choose(box_key(page, TOOL_NAME), "book_table")
    assert names(page) == ["book_table"]
    page.choose(box_key(page, TOOL_DESCRIPTION), "Books a table.")
    page.click(box_key(page, r"^editor-\d+-grow$"))
    page.choose(box_key(page, ROW_NAME), "guests")
    page.choose(box_key(page, ROW_DESCRIPTION), "How many come.")
    kind = page.by_keys(r"^editor-\d+-\d+-kind$")[0]
    kind.select_index(kind.options.index("Whole number"))
    page.run()
    page.choose(box_key(page, r"^editor-\d+-\d+-required$"), False)
    assert definitions_in_use(page) == [
        {
            "name": "book_table",
            "description": "Books a table.",
            "parameters": {
                "type": "object",
                "properties": {"guests": {"type": "integer", "description": "How many come."}},
            },
        }
    ]
    assert "1 tool: book_table" in page.texts()


def test_a_bad_name_is_named_at_its_box_and_the_last_good_tools_stay() -> None:
    page = add(open_page(), "clock", "calculator")
    page.choose(box_key(page, TOOL_NAME), "my calculator")
    assert "without spaces" in page.text()
    assert "Until the errors are corrected, these stay in use: 2 tools: clock, calculator" in page.text()
    assert names(page) == ["clock", "calculator"]
    page.choose(box_key(page, TOOL_NAME), "clock")
    assert "There is another of the name “clock”" in page.text()
    assert names(page) == ["clock", "calculator"]
    page.choose(box_key(page, TOOL_NAME), "sums")
    assert names(page) == ["clock", "sums"]
    assert "There is another" not in page.text()
    page.click(box_key(page, r"^editor-\d+-remove$", 0))
    assert names(page) == ["sums"]


def test_parameters_are_moved_duplicated_and_removed() -> None:
    page = open_page().click("editor-add")
    for _ in range(2):
        page.click(box_key(page, r"^editor-\d+-grow$"))

    def act(row: int, action: str) -> list[str]:
        page.choose(box_key(page, r"^editor-menu-\d+-\d+$", row), action)
        return list(definitions_in_use(page)[0]["parameters"]["properties"])

    assert act(0, "Move down") == ["value_2", "value"]
    assert act(1, "Duplicate") == ["value_2", "value", "value_3"]
    assert act(2, "Move up") == ["value_2", "value_3", "value"]
    assert act(0, "Remove") == ["value_3", "value"]
    assert [box.label for box in page.by_keys(ROW_NAME)] == ["Name, parameter 1", "Name, parameter 2"]


def test_the_boxes_of_several_tools_are_numbered() -> None:
    page = add(open_page(), "clock", "weather")
    assert [box.label for box in page.by_keys(TOOL_NAME)] == ["Name, tool 1", "Name, tool 2"]
    assert page.by_keys(ROW_NAME)[-1].label == "Name, parameter 2, tool 2"


def test_form_and_text_stay_in_step() -> None:
    page = add(open_page(), "clock").choose("editor-view", "JSON")
    text = page.by_key("editor-text").value
    assert '"clock"' in text
    page.choose("editor-text", text.replace('"clock"', '"watch"'))
    assert names(page) == ["watch"]
    page.choose("editor-view", "Form")
    assert page.by_keys(TOOL_NAME)[0].value == "watch"
    assert page.by_keys(ROW_NAME)[0].value == "time_zone"
    page.choose(box_key(page, ROW_NAME), "zone")
    assert '"zone"' in json.dumps(definitions_in_use(page))
    page.choose("editor-view", "JSON")
    assert '"zone"' in page.by_key("editor-text").value
    assert "time_zone" not in page.by_key("editor-text").value
    page.by_key("editor-text").set_value("[]")
    page.choose("editor-view", "Form")  # text and view arrive together
    assert names(page) == []
    assert page.by_keys(TOOL_NAME) == []


def test_broken_text_is_kept_and_the_last_good_tools_stay() -> None:
    page = add(open_page(), "clock").choose("editor-view", "JSON")
    broken = '[\n  {"name": "x",,}\n]'
    page.choose("editor-text", broken)
    assert "in line 2, column 16" in page.text()
    assert "Until it is corrected, these stay in use: 1 tool: clock" in page.text()
    assert names(page) == ["clock"]
    page.choose("editor-view", "Form")
    assert "The form cannot show this text" in page.text()
    assert page.by_key("editor-text").value == broken
    page.choose(
        "editor-text",
        '{"name": "x", "description": "", "parameters": {"type": "object", "properties": {"a": {}}}}',
    )
    assert "parameters.properties.a has no “type” and no “description”" in page.text()
    page.click("editor-discard")
    assert page.by_keys(TOOL_NAME)[0].value == "clock"
    assert names(page) == ["clock"]


def test_parameters_that_the_form_cannot_show_are_edited_as_text() -> None:
    nested = {
        "type": "object",
        "properties": {"a": {"type": "array", "description": "d", "items": {"type": "string"}}},
    }
    page = open_page().choose("editor-view", "JSON")
    page.choose("editor-text", json.dumps({"name": "deep", "description": "d", "parameters": nested}))
    assert names(page) == ["deep"]
    page.choose("editor-view", "Form")
    parameters = box_key(page, r"^editor-\d+-parameters$")
    assert json.loads(page.by_key(parameters).value) == nested
    page.choose(box_key(page, TOOL_NAME), "deeper")
    assert names(page) == ["deeper"]
    assert definitions_in_use(page)[0]["parameters"] == nested
    page.choose(parameters, '{"type": "object"')
    assert "The text of the parameters is not complete" in page.text()
    assert definitions_in_use(page)[0]["parameters"] == nested
    assert page.by_key(parameters).value == '{"type": "object"'


def test_the_shape_of_all() -> None:
    flat, openai = {"name", "description", "parameters"}, {"type", "function"}
    page = add(open_page(), "clock", "weather")
    assert [set(one) for one in definitions_in_use(page)] == [flat] * 2
    page.choose("editor-shape", "OpenAI")
    assert [set(one) for one in definitions_in_use(page)] == [openai] * 2
    add(page, "calculator")
    assert set(definitions_in_use(page)[-1]) == openai
    page.choose("editor-shape", "Flat")
    assert [set(one) for one in definitions_in_use(page)] == [flat] * 3


def test_tools_that_change_elsewhere_replace_the_draft() -> None:
    page = add(open_page(), "clock")
    page.choose(box_key(page, TOOL_NAME), "a b")
    assert "without spaces" in page.text()
    page.click("elsewhere")
    assert names(page) == ["calculator"]
    assert page.by_keys(TOOL_NAME)[0].value == "calculator"
    assert "without spaces" not in page.text()


def test_functions() -> None:
    page = open_page("functions")
    assert any(
        f"[Its helper `runWithTools`]({EMBEDDED})" in node.value
        for node in [*page.test.caption, *page.test.markdown]
    )
    page.click("functions-editor-add")
    assert names(page, 1) == ["my_function"]
    name, code = (box_key(page, rf"^functions-editor-\d+-{part}$") for part in ("name", "code"))
    page.choose(name, "clock")
    assert "There is a tool of the name “clock” already" in page.text()
    assert "Until the errors are corrected, these stay in use: my_function" in page.text()
    page.choose(name, "shout")
    page.choose(code, "({ text }) => `${text}!`")
    wanted = [{"name": "shout", "code": "({ text }) => `${text}!`"}]
    assert definitions_in_use(page, 1) == wanted
    page.choose(code, " ")
    assert "The code is empty" in page.text()
    assert definitions_in_use(page, 1) == wanted
    page.click(box_key(page, r"^functions-editor-\d+-remove$"))
    assert definitions_in_use(page, 1) == []


def test_calls_are_checked_and_answered_together() -> None:
    page = open_page("calls", "0,1,2")
    cards = [page.text(page.by_key(f"calls-{number}")) for number in range(3)]
    assert "Fits the tool" in cards[0]
    assert "unit must be one of “celsius”, “fahrenheit”, not “kelvin”." in cards[1]
    assert "Fits the tool" in cards[2]
    assert not page.has_key("calls-2-run")  # it is no sample
    page.click("calls-0-run")
    assert "42" in page.by_key("calls-0-result").value
    page.click("calls-send")
    assert "Type a result first" in page.text(page.by_key("calls-2"))
    assert "Type a result first" not in page.text(page.by_key("calls-0"))
    page.choose("calls-0-result", "forty-two")
    page.choose("calls-1-result", "Rain")
    page.choose("calls-2-result", '{"booked": true}')
    page.click("calls-send")
    assert '["forty-two", "Rain", "{\\"booked\\": true}"]' in page.codes()
    assert page.by_keys("-result$") == []
    assert "forty-two" in page.text(page.by_key("calls-0"))


def test_a_call_of_a_function_waits_for_the_user() -> None:
    page = open_page("calls", "4")
    assert "A function" in page.text(page.by_key("calls-0"))
    assert "hello" in page.text(page.by_key("calls-0"))
    assert page.by_keys("-run$") == []


def test_sample_tools_answer_automatically() -> None:
    page = open_page("calls", "0,2").choose("auto", True)
    # One of the two calls waits for the user; the other is filled in.
    assert "42" in page.by_key("calls-0-result").value
    assert page.by_key("calls-1-result").value == ""
    page = open_page("calls", "0").choose("auto", True)
    assert any(re.search(r'\\"result\\": 42', code) for code in page.codes())

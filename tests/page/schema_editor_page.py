"""The schema editor in a browser, on a page with nothing else."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator

from tests.page.browser_tab import BrowserTab


def address(schema: Any = None, where: str = "page", **more: str) -> str:
    """Return the address of the page with that schema: a JSON value, or a string as it is."""
    text = schema if isinstance(schema, str) else "" if schema is None else json.dumps(schema)
    return "/?" + urlencode({"where": where, "schema": text, **more})


class SchemaEditorPage:
    """A tab that shows the schema editor."""

    def __init__(self, tab: BrowserTab) -> None:
        self.tab = tab
        tab.wait_until_idle()

    @property
    def used_schema(self) -> str:
        """Return the text of the schema in use."""
        return self.tab.by_key("used").locator("code").inner_text()

    def wait_until_used(self, schema: Any) -> None:
        """Wait until that schema is in use."""

        def same() -> bool:
            try:
                return bool(json.loads(self.used_schema) == schema)
            except ValueError:
                return False

        self.tab.wait_until(f"the schema {json.dumps(schema)}", same)
        self.tab.wait_until_idle()

    def field_names(self) -> list[str]:
        """Return the names of the fields, from the top, nested ones included."""
        return [box.input_value() for box in self.boxes("Name").all()]

    def boxes(self, words: str) -> Locator:
        """Return all boxes that show these words while they are empty. Their labels are numbered."""
        return self.tab.page.get_by_placeholder(words, exact=True)

    def fill(self, box: Locator, text: str) -> None:
        """Type the text and leave the box."""
        box.fill(text)
        box.press("Enter")
        self.tab.wait_until_idle()

    def field_row(self, name: str) -> Locator:
        """Return the innermost row with the field of that name."""
        rows = self.tab.page.locator("[class*='st-key-schema-row-']")
        return rows.filter(has=self.tab.page.locator(f"input[placeholder='Name'][value='{name}']")).last

    def choose_type(self, row: Locator, words: str, which: int = 0) -> None:
        """Choose the type of a row; with ``which=1``, the type of its entries."""
        select = row.locator("[class*='-type-'] [data-baseweb=select], [class*='-type-'] input").nth(which)
        self.tab.pick_option(select, words, exact=True)

    def choose_in_row_menu(self, row: Locator, action: str) -> None:
        """Choose an action in a row's menu."""
        row.locator("[class*='-menu-'] button").first.click()
        self.tab.page.get_by_role("menuitem", name=action, exact=True).click()
        self.tab.wait_until_idle()

    def add_allowed_values(self, row: Locator, *values: str) -> None:
        """Restrict a row's field to these values."""
        box = row.get_by_label(re.compile("^Allowed values"))
        for value in values:
            self.tab.add_option(box, value)
        # The open list would hide the rest of the page from assistive technology, and from Playwright's roles.
        box.press("Tab")
        self.tab.wait_until_idle()

    def click_button(self, name: str | re.Pattern[str], which: int = 0) -> None:
        """Click the button of that name."""
        self.tab.page.get_by_role("button", name=name, exact=True).nth(which).click()
        self.tab.wait_until_idle()

    def switch_mode(self, mode: str) -> None:
        """Switch to that mode: the form or the JSON."""
        self.tab.by_key("schema-mode").get_by_text(mode, exact=True).click()
        self.tab.wait_until_idle()

    @property
    def json_box(self) -> Locator:
        """Return the box with the JSON."""
        return self.tab.by_key("schema-text").locator("textarea")

    def wait_for_json(self, schema: Any) -> None:
        """Wait until the box holds that schema."""
        self.tab.wait_until(
            f"the text of {json.dumps(schema)}",
            lambda: json.loads(self.json_box.input_value() or "null") == schema,
        )

    def write_json(self, text: str) -> None:
        """Write that text into the box with the JSON."""
        self.json_box.fill(text)
        self.json_box.press("Control+Enter")
        self.tab.wait_until_idle()

    def wait_for_message(self, text: str) -> None:
        """Wait until the page shows that text."""
        self.tab.page.get_by_text(text).first.wait_for()
        self.tab.wait_until_idle()

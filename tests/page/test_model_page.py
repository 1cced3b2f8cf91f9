"""The Model page: documented properties, costs, and code that calls the model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lib.model.model_record import default_model
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.model_sections import SECTIONS, open_model_page, open_section
from tests.page.test_page_on_twin import find_twin
from tests.page.test_phone import assert_fits_screen
from tests.page.upstream import Upstream

MODEL = default_model()


@pytest.fixture
def page(tab: BrowserTab) -> BrowserTab:
    """Open the Model page of the app that sends to the upstream."""
    return open_model_page(tab)


@pytest.fixture
def twin_page(visit: Visit, twin_app: AppProcess) -> BrowserTab:
    """Open the Model page of the app on the twin, once the twin is up."""
    return open_model_page(visit(twin_app.url), twin=True)


def fill(tab: BrowserTab, key: str, value: object) -> None:
    """Type a number into that box."""
    box = tab.by_key(key).locator("input")
    box.fill(str(value))
    box.press("Enter")
    tab.wait_until_idle()


def test_the_address_names_the_section(page: BrowserTab, visit: Visit, app: AppProcess) -> None:
    open_section(page, "Price")
    page.wait_until("the address", lambda: page.page.url.endswith("/model?section=Price"))
    page.page.reload()
    page.page.get_by_text("What will it cost?").wait_for()


def test_the_schemas_as_trees_and_as_files(page: BrowserTab, tmp_path: Path) -> None:
    open_section(page, "Schemas")
    for name in ("input", "output"):
        page.by_key(f"tree-{name}").get_by_text("oneOf").first.wait_for()
        with page.page.expect_download() as download:
            page.by_key(f"schema-{name}").get_by_role("button").click()
        assert download.value.suggested_filename == f"llama-3.2-1b-instruct.{name}.schema.json"
        download.value.save_as(tmp_path / name)
        schema = MODEL.input_schema if name == "input" else MODEL.output_schema
        assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == schema


def test_the_twins_token_is_shown_on_purpose_alone(twin_page: BrowserTab, twin_app: AppProcess) -> None:
    page = twin_page
    open_section(page, "Endpoints")
    page.go_to_page("Chat")
    token = find_twin(twin_app, page).token
    open_model_page(page)
    assert "CLOUDFLARE_API_TOKEN=your-token" in open_section(page, "Endpoints")
    assert token not in page.page.content()
    page.by_key("show-token").locator("label").first.click()
    page.wait_until(
        "the token", lambda: f"CLOUDFLARE_API_TOKEN={token}" in page.by_key("variables").inner_text()
    )
    page.by_key("show-token").locator("label").first.click()
    page.wait_until("no token", lambda: token not in page.page.content())
    page.by_key("show-token").locator("label").first.click()
    page.wait_until("the token", lambda: token in page.page.content())
    open_section(page, "Price")
    open_section(page, "Endpoints")
    assert token not in page.page.content(), "it was not asked for again"


def test_what_is_copied_runs(twin_page: BrowserTab) -> None:
    page = twin_page
    open_section(page, "Endpoints")
    page.by_key("show-token").locator("label").first.click()
    page.wait_until("the token", lambda: "your-token" not in page.by_key("variables").inner_text())
    variables, example = (page.by_key(key).locator("code").inner_text() for key in ("variables", "example"))
    ran = subprocess.run(
        ["bash", "-euc", f"{variables}\n{example}"], capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(ran.stdout)
    assert answer["success"] is True
    assert answer["result"]["response"]


def test_on_a_phone(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    phone = visit(app.url, "/model", phone=True, shows="text=As documented on")
    for section in reversed(SECTIONS):
        open_section(phone, section)
        width = phone.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= 390, section
    open_section(phone, "Endpoints")
    assert_fits_screen(phone)

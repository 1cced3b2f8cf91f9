"""The Model page: what is documented, what it costs, and how it is reached from one's own code."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from lib.model.model_record import default_model
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.model_sections import SECTIONS, open_model_page, open_section
from tests.page.test_page_on_twin import find_twin
from tests.page.test_phone import assert_fits_screen
from tests.page.upstream import TOKEN, Upstream

MODEL = default_model()


@pytest.fixture
def expected() -> list[str]:
    """Streamlit looks for its own paths below a page's first, and finds them one level up."""
    return ["404 (Not Found)"]


@pytest.fixture
def page(tab: BrowserTab) -> BrowserTab:
    """The Model page of the app before the upstream."""
    return open_model_page(tab)


@pytest.fixture
def twin_page(visit: Visit, twin_app: AppProcess) -> BrowserTab:
    """The Model page of the app on the twin, once that is up."""
    return open_model_page(visit(twin_app.url), twin=True)


def fill(tab: BrowserTab, key: str, value: object) -> None:
    """Type a number into its box."""
    box = tab.by_key(key).locator("input")
    box.fill(str(value))
    box.press("Enter")
    tab.wait_until_idle()


def test_every_section_is_drawn(page: BrowserTab) -> None:
    seen = set()
    for section in SECTIONS:
        seen.add(open_section(page, section))
        offers = section == "Next token"  # to start the twin; there is nothing else to be said
        assert page.alerts.count() == offers, section
    assert len(seen) == len(SECTIONS)


def test_every_parameter_in_the_documented_words_and_in_ours(page: BrowserTab) -> None:
    open_section(page, "Parameters")
    for parameter in MODEL.parameters:
        text = squeeze(page.by_key(f"about-{parameter.name}").inner_text())
        for part in (parameter.label, parameter.name, squeeze(parameter.help), squeeze(parameter.about)):
            assert part in text
        bounds = "what the context window leaves" if parameter.maximum is None else f"{parameter.maximum:,}"
        assert f"{parameter.minimum:g} to {bounds} ·" in text
        assert (f"default {parameter.default}" in text) == (parameter.default is not None)


def test_the_address_names_the_section(page: BrowserTab, visit: Visit, app: AppProcess) -> None:
    open_section(page, "Price")
    page.wait_until("the address", lambda: page.page.url.endswith("/model?section=Price"))
    page.page.reload()
    page.page.get_by_text("What will it cost?").wait_for()


def test_the_calculator_is_exact(page: BrowserTab) -> None:
    open_section(page, "Price")
    fill(page, "cost-in", 1234)
    fill(page, "cost-out", 567)
    fill(page, "cost-answers", 4321)
    neurons = Decimal(4321) * (1234 * 2457 + 567 * 18252) / 10**6
    listed = Decimal(4321) * (1234 * Decimal("0.027") + 567 * Decimal("0.20")) / 10**6
    to_pay = (neurons - 10_000) * Decimal("0.011") / 1000
    free = 10_000 * 10**6 // (1234 * 2457 + 567 * 18252)

    def result() -> str:
        return squeeze(page.by_key("cost-result").inner_text())

    page.wait_until("the neurons", lambda: f"Neurons 13.380822 {neurons.normalize():,f} " in result())
    text = result()
    assert f"Tokens 1,801 {1801 * 4321:,} " in text
    assert "Free neurons used 10,000 " in text
    assert f"At the listed price $0.000146718 ${listed.normalize():f} " in text
    assert f"To pay, beyond the free neurons ${to_pay.normalize():f} " in text
    assert f"Not all free: the free neurons cover {free:,} such answers a day." in text
    assert f"To pay on Workers Paid ${to_pay:.2f} With nothing free ${listed:.2f} " in text

    page.by_key("cost-answers-per").get_by_role("radio", name="a month", exact=True).click()
    page.wait_until("all of it free", lambda: "All free" in result())
    text = result()
    assert f"cover {30 * 10_000 * 10**6 // (1234 * 2457 + 567 * 18252):,} such answers a month" in text
    assert "To pay on Workers Paid $0 " in text


def test_what_a_budget_buys(page: BrowserTab) -> None:
    open_section(page, "Price")
    fill(page, "cost-in", 500)
    fill(page, "cost-out", 256)
    fill(page, "cost-budget", "12.34")
    each = Decimal(500 * 2457 + 256 * 18252) / 10**6
    bought = int((Decimal("12.34") * 1000 / Decimal("0.011") + 10_000) / each)
    listed = int(Decimal("12.34") / Decimal("0.0000647"))
    text = f"$12.34 a day buys {bought:,} such answers a day on Workers Paid, the free neurons included; with"
    page.wait_until("it", lambda: text in squeeze(page.by_key("cost-affordable").inner_text()))
    assert f"with nothing free, {listed:,}." in squeeze(page.by_key("cost-affordable").inner_text())


def test_what_was_entered_is_there_again(page: BrowserTab) -> None:
    open_section(page, "Price")
    fill(page, "cost-in", 777)
    page.go_to_page("Chat")
    page.chat_box.wait_for()
    open_model_page(page)
    open_section(page, "Price")
    page.wait_until("it", lambda: page.by_key("cost-in").locator("input").input_value() == "777")


def test_more_than_the_context_window(page: BrowserTab) -> None:
    open_section(page, "Price")
    fill(page, "cost-in", 59_990)
    fill(page, "cost-out", 11)
    page.wait_until("a warning", lambda: "60,001 tokens" in page.alerts.first.inner_text())
    assert page.by_key("cost-result").count() == 0
    fill(page, "cost-out", 10)
    page.by_key("cost-result").wait_for()


def test_capabilities_with_their_source(page: BrowserTab) -> None:
    open_section(page, "Capabilities")
    for capability in MODEL.capabilities:
        place = page.by_key(f"capability-{capability.name}")
        text = squeeze(place.inner_text())
        assert capability.documented in text
        assert ("Documented" in text) == capability.listed
        assert place.get_by_role("link", name="Source").get_attribute("href") == capability.source


@pytest.mark.parametrize("name", ["input", "output"])
def test_the_schemas_as_trees_and_as_files(page: BrowserTab, tmp_path: Path, name: str) -> None:
    open_section(page, "Schemas")
    page.by_key(f"tree-{name}").get_by_text("oneOf").first.wait_for()
    with page.page.expect_download() as download:
        page.by_key(f"schema-{name}").get_by_role("button").click()
    assert download.value.suggested_filename == f"llama-3.2-1b-instruct.{name}.schema.json"
    download.value.save_as(tmp_path / name)
    schema = MODEL.input_schema if name == "input" else MODEL.output_schema
    assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == schema


def test_cloudflares_token_is_never_shown(page: BrowserTab, upstream: Upstream) -> None:
    text = open_section(page, "Endpoints")
    assert f"CLOUDFLARE_BASE_URL={upstream.url}" in text
    assert "CLOUDFLARE_API_TOKEN=your-token" in text
    assert page.by_key("show-token").count() == 0
    assert TOKEN not in page.page.content()


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
    phone = visit(app.url, phone=True)
    phone.page.goto(f"{app.url}/model")
    phone.page.get_by_text("As documented on").first.wait_for()
    for section in reversed(SECTIONS):
        open_section(phone, section)
        width = phone.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= 390, section
    open_section(phone, "Endpoints")
    assert_fits_screen(phone)


def test_every_address_has_its_place(page: BrowserTab) -> None:
    text = open_section(page, "Endpoints")
    assert re.search(rf"POST /accounts/\{{account_id\}}/ai/run/{re.escape(MODEL.id)} Ask the model", text)
    assert text.index("Cloudflare and the twin") < text.index("The twin alone") < text.index("/ai/paddock/")

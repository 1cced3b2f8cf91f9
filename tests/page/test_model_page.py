"""The Model page: what is documented, what it costs, and how it is reached from one's own code."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from lib.model.model_record import default
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.model_sections import SECTIONS, opened, turn_to
from tests.page.test_page_on_twin import twin_of
from tests.page.test_phone import fits
from tests.page.upstream import TOKEN, Upstream
from tests.page.visitor import Visitor, squeezed

MODEL = default()


@pytest.fixture
def expected() -> list[str]:
    """Streamlit looks for its own paths below a page's first, and finds them one level up."""
    return ["404 (Not Found)"]


@pytest.fixture
def page(tab: Visitor) -> Visitor:
    """The Model page of the app before the upstream."""
    return opened(tab)


@pytest.fixture
def twin_page(visit: Visit, twin_app: Application) -> Visitor:
    """The Model page of the app on the twin, once that is up."""
    return opened(visit(twin_app.url), twin=True)


def fill(tab: Visitor, key: str, value: object) -> None:
    """Type a number into its box."""
    box = tab.key(key).locator("input")
    box.fill(str(value))
    box.press("Enter")
    tab.rest()


def test_every_section_is_drawn(page: Visitor) -> None:
    seen = set()
    for section in SECTIONS:
        seen.add(turn_to(page, section))
        offers = section == "Next token"  # to start the twin; there is nothing else to be said
        assert page.alert.count() == offers, section
    assert len(seen) == len(SECTIONS)


def test_every_parameter_in_the_documented_words_and_in_ours(page: Visitor) -> None:
    turn_to(page, "Parameters")
    for parameter in MODEL.parameters:
        text = squeezed(page.key(f"about-{parameter.name}").inner_text())
        for part in (parameter.label, parameter.name, squeezed(parameter.help), squeezed(parameter.about)):
            assert part in text
        bounds = "what the context window leaves" if parameter.maximum is None else f"{parameter.maximum:,}"
        assert f"{parameter.minimum:g} to {bounds} ·" in text
        assert (f"default {parameter.default}" in text) == (parameter.default is not None)


def test_the_address_names_the_section(page: Visitor, visit: Visit, app: Application) -> None:
    turn_to(page, "Price")
    page.until("the address", lambda: page.page.url.endswith("/model?section=Price"))
    page.page.reload()
    page.page.get_by_text("What will it cost?").wait_for()


def test_the_calculator_is_exact(page: Visitor) -> None:
    turn_to(page, "Price")
    fill(page, "cost-in", 1234)
    fill(page, "cost-out", 567)
    fill(page, "cost-answers", 4321)
    neurons = Decimal(4321) * (1234 * 2457 + 567 * 18252) / 10**6
    listed = Decimal(4321) * (1234 * Decimal("0.027") + 567 * Decimal("0.20")) / 10**6
    to_pay = (neurons - 10_000) * Decimal("0.011") / 1000
    free = 10_000 * 10**6 // (1234 * 2457 + 567 * 18252)

    def result() -> str:
        return squeezed(page.key("cost-result").inner_text())

    page.until("the neurons", lambda: f"Neurons 13.380822 {neurons.normalize():,f} " in result())
    text = result()
    assert f"Tokens 1,801 {1801 * 4321:,} " in text
    assert "Free neurons used 10,000 " in text
    assert f"At the listed price $0.000146718 ${listed.normalize():f} " in text
    assert f"To pay, beyond the free neurons ${to_pay.normalize():f} " in text
    assert f"Not all free: the free neurons cover {free:,} such answers a day." in text
    assert f"To pay on Workers Paid ${to_pay:.2f} With nothing free ${listed:.2f} " in text

    page.key("cost-answers-per").get_by_role("radio", name="a month", exact=True).click()
    page.until("all of it free", lambda: "All free" in result())
    text = result()
    assert f"cover {30 * 10_000 * 10**6 // (1234 * 2457 + 567 * 18252):,} such answers a month" in text
    assert "To pay on Workers Paid $0 " in text


def test_what_a_budget_buys(page: Visitor) -> None:
    turn_to(page, "Price")
    fill(page, "cost-in", 500)
    fill(page, "cost-out", 256)
    fill(page, "cost-budget", "12.34")
    each = Decimal(500 * 2457 + 256 * 18252) / 10**6
    bought = int((Decimal("12.34") * 1000 / Decimal("0.011") + 10_000) / each)
    listed = int(Decimal("12.34") / Decimal("0.0000647"))
    text = f"$12.34 a day buys {bought:,} such answers a day on Workers Paid, the free neurons included; with"
    page.until("it", lambda: text in squeezed(page.key("cost-affordable").inner_text()))
    assert f"with nothing free, {listed:,}." in squeezed(page.key("cost-affordable").inner_text())


def test_what_was_entered_is_there_again(page: Visitor) -> None:
    turn_to(page, "Price")
    fill(page, "cost-in", 777)
    page.go("Chat")
    page.box.wait_for()
    opened(page)
    turn_to(page, "Price")
    page.until("it", lambda: page.key("cost-in").locator("input").input_value() == "777")


def test_more_than_the_context_window(page: Visitor) -> None:
    turn_to(page, "Price")
    fill(page, "cost-in", 59_990)
    fill(page, "cost-out", 11)
    page.until("a warning", lambda: "60,001 tokens" in page.alert.first.inner_text())
    assert page.key("cost-result").count() == 0
    fill(page, "cost-out", 10)
    page.key("cost-result").wait_for()


def test_capabilities_with_their_source(page: Visitor) -> None:
    turn_to(page, "Capabilities")
    for capability in MODEL.capabilities:
        place = page.key(f"capability-{capability.name}")
        text = squeezed(place.inner_text())
        assert capability.documented in text
        assert ("Documented" in text) == capability.listed
        assert place.get_by_role("link", name="Source").get_attribute("href") == capability.source


@pytest.mark.parametrize("name", ["input", "output"])
def test_the_schemas_as_trees_and_as_files(page: Visitor, tmp_path: Path, name: str) -> None:
    turn_to(page, "Schemas")
    page.key(f"tree-{name}").get_by_text("oneOf").first.wait_for()
    with page.page.expect_download() as download:
        page.key(f"schema-{name}").get_by_role("button").click()
    assert download.value.suggested_filename == f"llama-3.2-1b-instruct.{name}.schema.json"
    download.value.save_as(tmp_path / name)
    schema = MODEL.input_schema if name == "input" else MODEL.output_schema
    assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == schema


def test_cloudflares_token_is_never_shown(page: Visitor, upstream: Upstream) -> None:
    text = turn_to(page, "Endpoints")
    assert f"CLOUDFLARE_BASE_URL={upstream.url}" in text
    assert "CLOUDFLARE_API_TOKEN=your-token" in text
    assert page.key("show-token").count() == 0
    assert TOKEN not in page.page.content()


def test_the_twins_token_is_shown_on_purpose_alone(twin_page: Visitor, twin_app: Application) -> None:
    page = twin_page
    turn_to(page, "Endpoints")
    page.go("Chat")
    token = twin_of(twin_app, page).token
    opened(page)
    assert "CLOUDFLARE_API_TOKEN=your-token" in turn_to(page, "Endpoints")
    assert token not in page.page.content()
    page.key("show-token").locator("label").first.click()
    page.until("the token", lambda: f"CLOUDFLARE_API_TOKEN={token}" in page.key("variables").inner_text())
    page.key("show-token").locator("label").first.click()
    page.until("no token", lambda: token not in page.page.content())
    page.key("show-token").locator("label").first.click()
    page.until("the token", lambda: token in page.page.content())
    turn_to(page, "Price")
    turn_to(page, "Endpoints")
    assert token not in page.page.content(), "it was not asked for again"


def test_what_is_copied_runs(twin_page: Visitor) -> None:
    page = twin_page
    turn_to(page, "Endpoints")
    page.key("show-token").locator("label").first.click()
    page.until("the token", lambda: "your-token" not in page.key("variables").inner_text())
    variables, example = (page.key(key).locator("code").inner_text() for key in ("variables", "example"))
    ran = subprocess.run(
        ["bash", "-euc", f"{variables}\n{example}"], capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(ran.stdout)
    assert answer["success"] is True
    assert answer["result"]["response"]


def test_on_a_phone(visit: Visit, app: Application, upstream: Upstream) -> None:
    phone = visit(app.url, phone=True)
    phone.page.goto(f"{app.url}/model")
    phone.page.get_by_text("As documented on").first.wait_for()
    for section in reversed(SECTIONS):
        turn_to(phone, section)
        width = phone.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= 390, section
    turn_to(phone, "Endpoints")
    fits(phone)


def test_every_address_has_its_place(page: Visitor) -> None:
    text = turn_to(page, "Endpoints")
    assert re.search(rf"POST /accounts/\{{account_id\}}/ai/run/{re.escape(MODEL.id)} Ask the model", text)
    assert text.index("Cloudflare and the twin") < text.index("The twin alone") < text.index("/ai/paddock/")

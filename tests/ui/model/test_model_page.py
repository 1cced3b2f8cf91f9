"""The Model page: what is documented, what it costs, and how one's own code reaches it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from lib.model.model_record import default_model
from tests.page.upstream import TOKEN, Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage, plain_text

MODEL = default_model()
SECTIONS = ("Parameters", "Next token", "Price", "Capabilities", "Schemas", "Endpoints", "Other models")


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    return AppTestPage(path="pages/model.py")


def open_section(page: AppTestPage, section: str) -> str:
    """Open that section; return its text."""
    page.choose("section", section)
    return page.text(page.by_key(f"section-{SECTIONS.index(section)}"))


def test_every_section_is_drawn(page: AppTestPage) -> None:
    seen = set()
    for section in SECTIONS:
        seen.add(open_section(page, section))
        alerts = [*page.test.error, *page.test.warning, *page.test.info]
        # Only this section has one: it offers to start the twin.
        assert len(alerts) == (section == "Next token"), section
    assert len(seen) == len(SECTIONS)


def test_every_parameter_in_the_documented_words_and_in_ours(page: AppTestPage) -> None:
    open_section(page, "Parameters")
    for parameter in MODEL.parameters:
        text = page.text(page.by_key(f"about-{parameter.name}"))
        for part in (parameter.label, parameter.name, parameter.help, parameter.about):
            assert plain_text(part) in text
        bounds = "what the context window leaves" if parameter.maximum is None else f"{parameter.maximum:,}"
        assert f"{parameter.minimum:g} to {bounds} ·" in text
        assert (f"default {parameter.default}" in text) == (parameter.default is not None)


def test_the_calculator_is_exact(page: AppTestPage) -> None:
    open_section(page, "Price")
    page.choose("cost-in", 1234).choose("cost-out", 567).choose("cost-answers", 4321)
    neurons = Decimal(4321) * (1234 * 2457 + 567 * 18252) / 10**6
    listed = Decimal(4321) * (1234 * Decimal("0.027") + 567 * Decimal("0.20")) / 10**6
    to_pay = (neurons - 10_000) * Decimal("0.011") / 1000
    free = 10_000 * 10**6 // (1234 * 2457 + 567 * 18252)

    def result() -> str:
        return page.text(page.by_key("cost-result"))

    def metrics() -> list[tuple[str, str]]:
        return [(metric.label, metric.value) for metric in page.by_key("cost-result").metric]

    def coverage() -> str:
        return str(page.by_key("cost-result").get("progress")[0].text)

    assert f"| Neurons | 13.380822 | {neurons.normalize():,f} |" in result()
    assert f"| Tokens | 1,801 | {1801 * 4321:,} |" in result()
    assert "| Free neurons used | | 10,000 |" in result()
    assert f"| At the list price | $0.000146718 | ${listed.normalize():f} |" in result()
    assert f"| To pay, after the free neurons | | ${to_pay.normalize():f} |" in result()
    assert coverage() == f"Not all free: the free neurons cover {free:,} answers a day."
    assert metrics()[:2] == [
        ("To pay on Workers Paid", f"${to_pay:.2f}"),
        ("Without free neurons", f"${listed:.2f}"),
    ]

    page.choose("cost-answers-per", "a month")
    a_month = 30 * 10_000 * 10**6 // (1234 * 2457 + 567 * 18252)
    assert coverage() == f"All free: the free neurons cover {a_month:,} answers a month."
    assert metrics()[0] == ("To pay on Workers Paid", "$0")


def test_what_a_budget_buys(page: AppTestPage) -> None:
    open_section(page, "Price")
    page.choose("cost-in", 500).choose("cost-out", 256).choose("cost-budget", 12.34)
    each = Decimal(500 * 2457 + 256 * 18252) / 10**6
    bought = int((Decimal("12.34") * 1000 / Decimal("0.011") + 10_000) / each)
    listed = int(Decimal("12.34") / Decimal("0.0000647"))
    assert page.text(page.by_key("cost-affordable")) == (
        f"$12.34 a day buys {bought:,} answers a day on Workers Paid, including the free neurons; without "
        f"them, {listed:,}."
    )


def test_what_was_typed_is_there_after_another_page(upstream: Upstream) -> None:
    page = AppTestPage(path=WHOLE_APP).go_to("model")
    open_section(page, "Price")
    page.choose("cost-in", 777).go_to("chat").go_to("model")
    open_section(page, "Price")
    assert page.by_key("cost-in").value == 777


def test_more_than_the_context_window(page: AppTestPage) -> None:
    open_section(page, "Price")
    page.choose("cost-in", 59_990).choose("cost-out", 11)
    assert "60,001 tokens" in page.test.warning[0].value
    assert not page.has_key("cost-result")
    page.choose("cost-out", 10)
    assert page.has_key("cost-result")


def test_capabilities_with_their_source(page: AppTestPage) -> None:
    open_section(page, "Capabilities")
    for capability in MODEL.capabilities:
        place = page.by_key(f"capability-{capability.name}")
        assert plain_text(capability.documented) in page.text(place)
        assert ("Documented" in page.text(place)) == capability.listed
        assert f"[Source]({capability.source})" in "".join(node.value for node in place.markdown) + "".join(
            node.value for node in place.caption
        )


def test_cloudflares_token_is_never_shown(page: AppTestPage, upstream: Upstream) -> None:
    text = open_section(page, "Endpoints")
    assert f"CLOUDFLARE_BASE_URL={upstream.url}" in text
    assert "CLOUDFLARE_API_TOKEN=your-token" in text
    assert not page.has_key("show-token")
    assert TOKEN not in page.everything()


def test_every_address_has_its_place(page: AppTestPage) -> None:
    text = open_section(page, "Endpoints")
    assert re.search(
        rf"\[POST\] `/accounts/\{{account_id\}}/ai/run/{re.escape(MODEL.id)}`\W+Asks the model", text
    )
    assert (
        text.index("Cloudflare and the practice model")
        < text.index("Only the practice model")
        < text.index("/ai/paddock/")
    )

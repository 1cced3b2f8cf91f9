"""An experiment over four models of a stand-in account, from the choice of the models to which one is enough."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from lib.model.model_record import DEFAULT_MODEL_ID
from tests.model.catalogue_records import LISTED, RECORDS, SCHEMAS
from tests.model.listed_models import LLAMA_70B, MISTRAL, QWEN
from tests.page.app_process import AppProcess
from tests.page.browser_tab import FIRST_DRAW_TIMEOUT, BrowserTab, squeeze
from tests.page.conftest import StartApp, Visit
from tests.page.test_experiment_page import bar, open_experiment_page, prompt, start, state, upload
from tests.page.upstream import JsonReply, StreamReply, Upstream, UpstreamHandler, UpstreamRequest

NAMES = {
    DEFAULT_MODEL_ID: "llama-3.2-1b-instruct",
    MISTRAL: "mistral-small-3.1-24b-instruct",
    LLAMA_70B: "llama-3.3-70b-instruct-fp8-fast",
    QWEN: "qwen3.8-27b",
}
ROWS = 40
SKILL = {DEFAULT_MODEL_ID: 12, MISTRAL: 34, LLAMA_70B: 35, QWEN: 33}  # of 40 questions


@pytest.fixture(scope="module")
def lab(own: StartApp) -> AppProcess:
    """Start an app whose experiments only these tests define."""
    return own()


@pytest.fixture
def tab(visit: Visit, lab: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open the page with an empty experiment, with an account that lists models of three families."""
    default = {**RECORDS[LLAMA_70B]["model"], "name": DEFAULT_MODEL_ID}
    upstream.models, upstream.schemas = [default, *LISTED], dict(SCHEMAS)
    return open_experiment_page(visit, lab)


def answer(handler: UpstreamHandler, request: UpstreamRequest) -> None:
    """Answer “yes” to as many questions as the model has skill for."""
    id = "@cf" + unquote(request.path).split("@cf")[1]
    number = int(re.sub(r"\D", "", request.body["messages"][-1]["content"]))
    JsonReply({"response": "yes" if number <= SKILL[id] else "no"})(handler, request)


def open_settings(tab: BrowserTab) -> None:
    tab.by_key("section-settings-head").locator("button").first.click()
    tab.by_key("ways-list-models").or_(tab.by_key("ways-models")).first.wait_for()
    tab.wait_until_idle()


def choose_models(tab: BrowserTab, *names: str) -> None:
    box = tab.by_key("ways-models")
    for name in names:
        tab.pick_option(box.locator("input"), name)
        tab.wait_until(name, lambda name=name: name in chosen_models(tab))
        tab.wait_until_idle()
    tab.page.keyboard.press("Escape")


def chosen_models(tab: BrowserTab) -> str:
    return squeeze(tab.by_key("ways-models").inner_text())


def define_experiment(tab: BrowserTab) -> None:
    """Define an experiment of forty questions to four models."""
    prompt(tab).fill("Is this true? {{claim}}")
    rows = "".join(f"Claim {number},yes\n" for number in range(1, ROWS + 1))
    upload(tab, f"claim,expected\n{rows}".encode(), "claims.csv")
    tab.wait_until("the inputs", lambda: f"= {ROWS} requests" in bar(tab))
    tab.by_key("section-checks-head").locator("button").first.click()
    tab.button("Add a check").click()
    tab.page.get_by_role("menuitem", name="Equals the expected answer").click()
    tab.page.get_by_text("1. The answer is exactly").wait_for()
    tab.wait_until_idle()
    open_settings(tab)
    # The app keeps the list that an earlier test has fetched.
    if tab.by_key("ways-list-models").count():
        tab.by_key("ways-list-models").locator("button:visible").first.click()
    tab.by_key("ways-models").wait_for()
    tab.wait_until_idle()
    choose_models(tab, *NAMES.values())


def test_four_models_from_the_choice_to_which_is_enough(tab: BrowserTab, upstream: Upstream) -> None:
    define_experiment(tab)
    tab.wait_until("what it takes", lambda: f"4 models × 1 prompt × {ROWS} inputs" in bar(tab))
    assert f"= {4 * ROWS} requests" in bar(tab)
    upstream.plan_replies(*[answer] * (4 * ROWS))
    start(tab).click()
    tab.wait_until("the end", lambda: f"Done. {4 * ROWS} of {4 * ROWS} answered" in state(tab), 120)
    tab.wait_until_idle()
    asked = [unquote(request.path).split("/ai/run/")[1] for request in upstream.requests]
    assert {id: asked.count(id) for id in NAMES} == dict.fromkeys(NAMES, ROWS)
    # The settings are the same for all, also where a model documents another default.
    by_model = {unquote(request.path).split("/ai/run/")[1]: request.body for request in upstream.requests}
    assert by_model[LLAMA_70B]["max_tokens"] == by_model[QWEN]["max_tokens"] == 256
    assert by_model[QWEN]["temperature"] == by_model[MISTRAL]["temperature"] == 0.6
    # In the setup's one line, a short summary is shown whole beside long ones.
    summary = tab.by_key("section-checks").locator("p").last
    assert summary.inner_text() == "equals"
    assert summary.evaluate("p => p.scrollWidth <= p.clientWidth")
    overview = tab.by_key("results-headline")
    said = squeeze(overview.inner_text())
    assert f"{NAMES[MISTRAL]} passes 55 points more than {NAMES[DEFAULT_MODEL_ID]} (" in said
    assert f"{NAMES[LLAMA_70B]} cannot be told apart from {NAMES[MISTRAL]} (" in said
    models = tab.by_key("results-models")
    plot = models.get_by_role("img")
    assert "mistral-small-3.1-24b-instruct: 85 % (" in str(plot.get_attribute("aria-label"))
    assert plot.locator("i.range").count() == 4
    assert plot.locator("i.front.up").count() == 2
    assert plot.locator("b").all_inner_texts() == ["1", "2", "3", "4"]
    rows = [squeeze(row) for row in models.get_by_role("row").all_inner_texts()]
    assert [row.split()[1] for row in rows[1:]] == [
        NAMES[DEFAULT_MODEL_ID],
        NAMES[MISTRAL],
        NAMES[LLAMA_70B],
        NAMES[QWEN],
    ]
    assert "enough" in rows[2]
    assert "6 pairs of models were compared" in models.inner_text()
    # The model that is enough is chosen for use, and goes along into a chat.
    tab.by_key("results-keep-chat").locator("button:visible").first.click()
    tab.chat_box.wait_for()
    tab.wait_until_idle()
    upstream.plan_replies(StreamReply("Good day."))
    tab.send("Hello")
    tab.wait_for_answer_part("Good day.")
    assert unquote(upstream.requests[-1].path).endswith(f"/ai/run/{MISTRAL}")


def test_the_choice_is_saved_and_what_a_model_lacks_is_named(tab: BrowserTab) -> None:
    define_experiment(tab)
    settings = tab.by_key("section-settings")
    tab.pick_option(tab.by_key("ways-swept").locator("input"), "Top k")
    tab.wait_until("what is missing", lambda: f"{NAMES[QWEN]} has no top k" in settings.inner_text())
    assert not start(tab).is_disabled()
    tab.page.reload()
    tab.by_key("section-settings-head").wait_for(timeout=FIRST_DRAW_TIMEOUT * 1000)
    tab.wait_until_idle()
    open_settings(tab)
    assert f"4 models × 1 prompt × {ROWS} inputs" in bar(tab)
    assert all(name in chosen_models(tab) for name in NAMES.values())

"""The page for an audience: nothing but its content, in the presenting mode and in a frame of another page."""

from __future__ import annotations

import re

import pytest

from lib.store.stored_values import SavedExperiment
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import ACCOUNT, StreamReply, Upstream
from tests.runner.run_fixtures import numbers_plan, wait_for_run
from tests.sample_values import make_backend
from tests.ui.app_test_page import WHOLE_APP, AppTestPage, share_address

SYSTEM = "You are the secret pirate."
# Costs, tokens, the account and the system prompt.
PRIVATE = re.compile(rf"\$0|token|cost|{ACCOUNT}|Cloudflare|{SYSTEM}", re.IGNORECASE)


def switch_to(page: AppTestPage, mode: str) -> None:
    if mode == "present":
        page.click("present")
    else:
        page.test.context["is_embedded"] = True
        page.run()


@pytest.mark.parametrize("mode", ["present", "embed"])
def test_the_chat_shows_the_conversation_alone(upstream: Upstream, mode: str) -> None:
    upstream.plan_replies(StreamReply("Arr, the sea."))
    page = AppTestPage(share_address(system=SYSTEM)).send("Hello")
    assert PRIVATE.search(page.everything())
    switch_to(page, mode)
    assert page.first_texts() == ["Hello", "Arr, the sea."]
    assert PRIVATE.findall(page.text()) == []
    assert not page.test.sidebar.children
    assert page.by_keys("^(figures|menu|again)-|^(place|share|new|ahead)$") == []
    assert page.has_key("present") == (mode == "present")
    upstream.plan_replies(StreamReply("Aye."))
    page.send("Go on")
    assert page.first_texts()[-1] == "Aye."
    assert upstream.requests[-1].body["messages"][0] == {"role": "system", "content": SYSTEM}


@pytest.mark.parametrize("mode", ["present", "embed"])
def test_the_welcome_leads_an_audience_to_no_other_page(upstream: Upstream, mode: str) -> None:
    page = AppTestPage()
    assert page.has_key("start-compare")
    switch_to(page, mode)
    assert page.has_key("starter0")
    assert not page.by_keys("^start-")


def test_leaving_brings_everything_back(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Arr, the sea."))
    page = AppTestPage(share_address(system=SYSTEM)).send("Hello").click("present")
    assert page.test.query_params["present"] == "1"
    assert SYSTEM in page.choose("presenting-system", True).text()
    for way in ("present", "present-escape"):
        page.click(way)
        assert "present" not in page.test.query_params
        assert page.figures().endswith("finished")
        assert page.first_texts() == ["Hello", "Arr, the sea."]
        page.click("present")
    upstream.plan_replies(StreamReply("Another."))
    assert page.click("present-again").first_texts() == ["Hello", "Another."]


def test_a_comparison_is_presented(upstream: Upstream) -> None:
    page = AppTestPage(path="pages/compare.py")
    comparison = registry().find_comparison(LOCAL_OWNER, page.test.query_params["k"])
    assert comparison is not None
    chat = next(iter(comparison.chats.values()))
    chat.set_system(SYSTEM)
    chat.change_settings(lambda settings: settings.with_value("temperature", 1.5))
    page.send("Compare this")
    assert PRIVATE.search(page.everything())
    page.click("present")
    assert "Compare this" in page.text()
    assert len(page.by_keys("^cell-0-")) == 2
    assert "Temperature 1.5" in page.text()
    assert PRIVATE.findall(page.text()) == []
    assert not page.test.sidebar.children
    assert page.by_keys("^(menu|column-menu)-|^(place|comparisons|compare-options|compare-ahead)$") == []
    assert SYSTEM in page.choose("presenting-system", True).text()
    assert page.click("present-escape").has_key("compare-options")


def test_an_experiment_shows_its_overview(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Answer 0"), StreamReply("Something else"))
    plan = numbers_plan(2)
    registry().store.experiments.save(LOCAL_OWNER, SavedExperiment("presented", "Numbers", plan))
    run = registry().new_experiment_run(LOCAL_OWNER, "presented", plan)
    run.start(make_backend(upstream.url))
    wait_for_run(run)
    page = AppTestPage("/?e=presented", path="pages/experiment.py")
    assert PRIVATE.search(page.text())
    page.click("present")
    assert "1 of 2" in page.text()
    assert PRIVATE.findall(page.text()) == []
    assert page.by_keys("^(place|experiments|experiment-bar|run-state)$") == []
    assert page.click("present-escape").has_key("experiments")


def test_pages_without_an_audience_end_the_mode() -> None:
    page = AppTestPage(path=WHOLE_APP).click("present").go_to("history", present="1")
    assert page.test.title[0].value == "History"
    assert "present" not in page.test.query_params

"""Columns of a comparison may ask different models; each is priced, listed and exported with its own."""

from __future__ import annotations

import pytest

from lib.compare.comparison_table import comparison_rows
from lib.model.model_record import default_model
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.registry import registry
from tests.model.catalogue_models import EFFORT, LARGE
from tests.model.catalogue_records import LISTED, SCHEMAS
from tests.page.upstream import EventsReply, Upstream
from tests.ui.app_test_page import AppTestPage

MODEL = default_model()


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    upstream.models = [*LISTED, {"name": MODEL.id}]
    upstream.schemas = dict(SCHEMAS)
    page = AppTestPage(path="pages/compare.py")
    return page.click(page.by_keys("^load-models-")[0].key)


def pick(page: AppTestPage, column: str, id: str) -> AppTestPage:
    """Choose the model of a column, whose settings the sidebar shows then."""
    head = page.by_key(f"head-{column}")
    page.click(page.by_keys("^select-", head)[0].key)
    return page.choose(page.by_keys("^choose-model-")[0].key, id)


def send(page: AppTestPage, text: str) -> None:
    page.test.chat_input[0].set_value(text)
    page.run()


def test_each_column_asks_its_own_model(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, "B", LARGE.id).click("add-column")
    pick(page, "C", EFFORT.id)
    for column, id in (("A", MODEL.id), ("B", LARGE.id), ("C", EFFORT.id)):
        assert f"Model {id}" in page.text(page.by_key(f"head-{column}"))
    send(page, "Why?")
    assert {request.path.partition("/ai/run/")[2] for request in upstream.requests} == {
        MODEL.id,
        LARGE.id,
        EFFORT.id,
    }
    [(_, session)] = list(registry()._comparisons.entries())
    heads, *rows = comparison_rows(find_model, session.comparison, session.conversations())
    listed = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [row["Setting: Model"] for row in listed] == [MODEL.id, LARGE.id, EFFORT.id]
    # 21 tokens to read and 42 to write, each at the model's own price.
    for row, model in zip(listed, (MODEL, LARGE, EFFORT), strict=True):
        price = model.price
        assert row["Dollars"] == (21 * price.input_per_million + 42 * price.output_per_million) / 1_000_000


def test_the_comparison_is_reopened_with_its_models(page: AppTestPage) -> None:
    pick(page, "B", LARGE.id)
    send(page, "Why?")
    registry().autosave.save()
    for _, session in registry()._comparisons.entries():
        registry()._comparisons.pop(session.id)
    for _, chat in registry()._chats.entries():
        registry()._chats.pop(chat.id)
    page = page.reopen()
    assert f"Model {LARGE.id}" in page.text(page.by_key("head-B"))


def test_values_are_compared_with_one_model(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, "B", LARGE.id).choose("compare-values-text", "0, 1")
    send(page, "Why?")
    assert {request.path.partition("/ai/run/")[2] for request in upstream.requests} == {LARGE.id}


def test_a_model_without_settings_can_be_compared(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, "B", "@cf/ibm-granite/granite-4.0-h-micro")
    send(page, "Why?")
    assert len(upstream.requests) == 2


def test_chosen_models_become_columns(page: AppTestPage, upstream: Upstream) -> None:
    page.choose(page.by_keys("^temperature-number-")[0].key, 1.5)
    page.choose("compare-models", [LARGE.id])
    assert len(page.by_keys("^head-")) == 2, "one alone is no comparison"
    page.choose("compare-models", [LARGE.id, EFFORT.id, MODEL.id])
    assert len(page.by_keys("^head-")) == 3
    send(page, "Why?")
    sent = {request.path.partition("/ai/run/")[2]: request.body for request in upstream.requests}
    assert set(sent) == {LARGE.id, EFFORT.id, MODEL.id}
    assert {body["temperature"] for body in sent.values()} == {1.5}
    assert not page.has_key("compare-models"), "the columns have answers now"


def test_without_the_accounts_list_no_models_are_offered(upstream: Upstream) -> None:
    assert not AppTestPage(path="pages/compare.py").has_key("compare-models")


def thinking_reply() -> EventsReply:
    deltas: list[dict[str, str]] = [{"reasoning_content": "A *greeting*. "}, {"content": "Hello."}]
    return EventsReply(*({"choices": [{"index": 0, "delta": delta}]} for delta in deltas))


def test_thoughts_are_folded_above_a_columns_answer(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, "A", EFFORT.id)
    pick(page, "B", EFFORT.id)
    upstream.plan_replies(thinking_reply(), thinking_reply())
    send(page, "Why?")
    for drawn in (page.run(), page.reopen()):
        for cell in drawn.by_keys("^cell-0-"):
            texts = drawn.texts(cell)
            assert texts.index("A *greeting*.") < texts.index("Hello.")
    # From the database too, as after a restart.
    registry().autosave.save()
    for _, session in registry()._comparisons.entries():
        registry()._comparisons.pop(session.id)
    for _, chat in registry()._chats.entries():
        registry()._chats.pop(chat.id)
    assert page.reopen().text().count("A *greeting*.") == 2


def test_a_blind_comparison_shows_no_thoughts_before_it_is_revealed(
    page: AppTestPage, upstream: Upstream
) -> None:
    pick(page, "B", EFFORT.id)
    page.choose("compare-blind", True)
    upstream.plan_replies(thinking_reply(), thinking_reply())
    send(page, "Why?")
    page.run()
    assert "Hello." in page.text()
    assert "A *greeting*." not in page.text()

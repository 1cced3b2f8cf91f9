"""The choice of the model: settings follow, what does not fit is said once with an undo, controls fit the model."""

from __future__ import annotations

from typing import Any

import pytest

from lib.model.model_record import default_model
from lib.model.settings import Settings
from lib.ui.chat.message_menu import MessageAction
from lib.ui.shell.registry import registry
from tests.model.catalogue_models import EFFORT, LARGE, LISTED_MODELS
from tests.model.catalogue_records import LISTED, SCHEMAS
from tests.page.upstream import ErrorReply, EventsReply, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage

MODEL = default_model()
MISTRAL = LISTED_MODELS["@cf/mistralai/mistral-small-3.1-24b-instruct"]
UNPRICED = "@cf/meta-llama/llama-2-7b-chat-hf-lora"


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    upstream.models = [*LISTED, {"name": MODEL.id}]
    upstream.schemas = dict(SCHEMAS)
    return AppTestPage().click("load-models")


def pick(page: AppTestPage, id: str) -> AppTestPage:
    return page.choose("choose-model", id)


def test_each_listed_model_can_be_asked(page: AppTestPage, upstream: Upstream) -> None:
    for number, id in enumerate([EFFORT.id, LARGE.id, "@cf/ibm-granite/granite-4.0-h-micro", MODEL.id]):
        upstream.plan_replies(StreamReply(f"Answer {number}."))
        pick(page, id).send("Hi")
        assert upstream.requests[number].path.endswith(f"/ai/run/{id}")
    assert [text for text in page.texts() if "Answer" in text]


def test_the_list_has_what_a_choice_needs(page: AppTestPage) -> None:
    options = page.by_key("choose-model").options
    [qwen] = [option for option in options if "qwen3.8-27b" in option]
    assert "qwen3.8-27b · $0.45/$3.2 · 262k · functions · reasoning · pictures · qwen" in qwen
    assert options[0] == "llama-3.2-1b-instruct · meta", "the default model is first"
    assert not [option for option in options if UNPRICED.rpartition("/")[2] in option]


def test_settings_follow_and_what_does_not_fit_is_said_once(page: AppTestPage) -> None:
    page.choose("temperature-number", 4.5).choose("top_k-send", True)
    pick(page, EFFORT.id)
    text = page.text(page.by_key("model-changes"))
    assert "2 settings changed with the model: Temperature 4.5 → 2 · Top k 40 → not sent" in text
    assert page.by_key("temperature-number").value == 2.0
    page.click("undo-model")
    assert not page.has_key("model-changes")
    assert page.by_key("temperature-number").value == 4.5
    assert page.by_key("choose-model").value == MODEL.id
    pick(page, EFFORT.id).send("Hi")
    assert not page.has_key("model-changes"), "the next message ends it"


def test_controls_are_drawn_from_the_models_schema(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, EFFORT.id)
    page.choose("other-reasoning_effort", "high").choose("other-logprobs", True).choose(
        "n-send", True
    ).choose("n-number", 2)
    page.choose("max_completion_tokens-send", True)
    assert not page.has_key("top_k-send")
    page.send("Hi")
    body = upstream.wait_for_request().body
    expected: dict[str, Any] = {
        "reasoning_effort": "high",
        "logprobs": True,
        "n": 2,
        "max_completion_tokens": 1024,
    }
    assert {name: body[name] for name in expected} == expected
    assert [type(body[name]) for name in expected] == [type(value) for value in expected.values()]
    page.by_key("other-logprobs").select_index(0)
    page.choose("n-send", False).send("Again")
    assert not {"n", "logprobs"} & upstream.wait_for_request(1).body.keys()


def test_what_a_model_lacks_is_not_offered(page: AppTestPage) -> None:
    assert page.has_key("choose-format")
    pick(page, MISTRAL.id)
    assert not page.has_key("choose-format")
    assert "Not offered: 2" in [expander.label for expander in page.test.expander]
    pick(page, "@cf/ibm-granite/granite-4.0-h-micro")
    for key in ("choose-form", "choose-format", "choose-raw", "open-edit-tools", "temperature-send"):
        assert not page.has_key(key), key
    assert "The service documents no settings for this model." in page.text()


def test_thoughts_are_folded_above_the_answer(page: AppTestPage, upstream: Upstream) -> None:
    def chunk(**delta: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": delta}]}

    upstream.plan_replies(EventsReply(chunk(reasoning_content="A *greeting*. "), chunk(content="Hello.")))
    pick(page, EFFORT.id).send("Hi")
    assert [expander.label for expander in page.test.expander].count("Thoughts") == 1
    page = page.reopen()
    [answer] = page.answers
    texts = page.texts(answer)
    assert texts.index("A *greeting*.") < texts.index("Hello.")


def test_context_and_price_are_the_models(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Hello.", usage=(1_000_000, 1_000_000)))
    pick(page, LARGE.id)
    assert page.by_key("max_tokens-number").max == 24_000
    page.send("Hi")
    assert f"{LARGE.name} · read" in page.text()
    assert f"${LARGE.price.input_per_million + LARGE.price.output_per_million:.2f} ·" in page.text().replace(
        "\\", ""
    )


def test_often_used_models_come_first(page: AppTestPage, upstream: Upstream) -> None:
    pick(page, MISTRAL.id).send("Hi")
    page = page.reopen()
    assert page.by_key("choose-model").options[1].startswith("★ mistral-small")
    assert page.by_key("choose-model").value == MISTRAL.id, "the chat's model"


def test_a_schema_that_cannot_be_loaded_changes_nothing(page: AppTestPage, upstream: Upstream) -> None:
    upstream.models = []
    upstream.close()
    pick(page, EFFORT.id)
    assert page.errors()
    assert page.by_key("choose-model").value == MODEL.id


def test_a_chat_of_a_model_that_is_not_listed_can_go_back(page: AppTestPage) -> None:
    [(_, chat)] = list(registry()._chats.entries())
    chat.settings = Settings((), model="@cf/acme/gone")
    page.run()
    assert "@cf/acme/gone, which is not listed here" in page.text().replace("`", "")
    page.click("use-default-model").send("Hi")
    assert page.answers


def test_an_error_names_the_model_of_the_answer(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(ErrorReply(400, 5007, "No such model"))
    pick(page, EFFORT.id).send("Hi")
    assert "5007" in page.text()


def test_the_settings_of_an_answer_bring_its_model_back(page: AppTestPage) -> None:
    pick(page, EFFORT.id)
    page.choose("other-reasoning_effort", "low").send("Hi")
    pick(page, MODEL.id)
    page.choose_in_menu(page.answers[0], MessageAction.LOAD)
    assert page.by_key("choose-model").value == EFFORT.id
    assert page.by_key("other-reasoning_effort").value == "low"


def test_a_preset_keeps_its_model(page: AppTestPage) -> None:
    pick(page, EFFORT.id).choose("temperature-number", 1.5)
    page.choose("preset-name", "Thinking").click("preset-keep")
    pick(page, MODEL.id)
    page.click(page.by_keys("^own-use-")[0].key)
    assert page.by_key("choose-model").value == EFFORT.id
    assert page.by_key("temperature-number").value == 1.5

"""A message to another model of the account: each setting reaches the wire under its own name and type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lib.model.catalogue_entry import parse_entries
from lib.model.catalogue_model import build_model
from lib.model.model_record import default_model
from lib.model.pricing import cost_in_dollars, format_dollars
from lib.model.schema_reader import DocumentedParameter, ParameterKind, read_input_schema
from lib.model.usage import Usage
from tests.model.catalogue_records import LISTED, RECORDS, SCHEMAS
from tests.model.generated_schemas import generate_schema
from tests.page.upstream import ErrorReply, EventsReply, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage
from tests.waiting import wait_until

PRICED = [entry.id for entry in parse_entries(LISTED) if entry.input_price is not None]
UNPRICED = "@cf/meta-llama/llama-2-7b-chat-hf-lora"


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    upstream.models = [*LISTED, {"name": default_model().id}]
    upstream.schemas = dict(SCHEMAS)
    page = AppTestPage(path="pages/model.py")
    return page.choose("section", "Other models")


def some_value(parameter: DocumentedParameter) -> Any:
    """Return a value that the schema allows, and that is not the default."""
    match parameter.kind:
        case ParameterKind.CHOICE:
            return parameter.choices[-1]
        case ParameterKind.SWITCH:
            return not parameter.default
        case ParameterKind.INTEGER:
            return int(parameter.minimum or 0) + 7
    return float(parameter.maximum or 1) - 0.25


def answer_text(page: AppTestPage) -> str:
    """Return the answer once it has ended."""
    wait_until(lambda: not page.run().test.session_state["model-trial-run"].is_running)
    return page.run().text(page.by_key("model-trial-answer"))


@pytest.mark.parametrize(
    "id",
    [
        "@cf/meta/llama-4-scout-17b-16e-instruct",  # a prompt or messages
        "@cf/openai/gpt-oss-20b",  # the same beside other forms of request
        "@cf/google/gemma-4-26b-a4b-it",  # members that may be null
        "@cf/ibm-granite/granite-4.0-h-micro",  # no schema
    ],
)
def test_each_setting_reaches_the_wire(page: AppTestPage, upstream: Upstream, id: str) -> None:
    upstream.plan_replies(StreamReply("A fine answer.", usage=(1_000_000, 100_000)))
    page.choose("other-model", id)
    expected: dict[str, Any] = {}
    for parameter in read_input_schema(SCHEMAS[id]).parameters:
        expected[parameter.name] = some_value(parameter)
        page.by_key(f"trial-{id}-{parameter.name}").set_value(expected[parameter.name])
    page.by_key("model-trial-message").set_value("Hi")
    page.run().click("model-trial-start")
    request = upstream.wait_for_request()
    assert request.path.endswith(f"/ai/run/{id}")
    assert request.body == {"messages": [{"role": "user", "content": "Hi"}], "stream": True, **expected}
    assert {name: type(value) for name, value in request.body.items() if name in expected} == {
        name: type(value) for name, value in expected.items()
    }
    text = answer_text(page)
    assert "A fine answer." in text
    [entry] = [entry for entry in parse_entries(LISTED) if entry.id == id]
    assert entry.input_price is not None
    assert entry.output_price is not None
    assert f"{format_dollars(entry.input_price + entry.output_price / 10)} ·" in text.replace("\\", "")


def test_what_is_left_empty_is_not_sent(page: AppTestPage, upstream: Upstream) -> None:
    page.choose("other-model", "@cf/qwen/qwen3.8-27b").click("model-trial-start")
    assert set(upstream.wait_for_request().body) == {"messages", "stream"}
    # Another model's answer is not shown below this one.
    answer_text(page)
    page.choose("other-model", "@cf/openai/gpt-oss-20b")
    assert not page.has_key("model-trial-answer")


def test_thoughts_are_folded(page: AppTestPage, upstream: Upstream) -> None:
    def chunk(**delta: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": delta}]}

    upstream.plan_replies(EventsReply(chunk(reasoning_content="A *greeting*. "), chunk(content="Hello.")))
    page.choose("other-model", "@cf/qwen/qwen3.8-27b").click("model-trial-start")
    text = answer_text(page)
    assert "Hello." in text
    assert [expander.label for expander in page.test.expander].count("Thoughts") == 1
    run = page.test.session_state["model-trial-run"]
    assert (run.reasoning, run.answer.text) == ("A *greeting*. ", "Hello.")


def test_another_message_stops_the_answer(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True), StreamReply("The second."))
    page.choose("other-model", "@cf/openai/gpt-oss-20b").click("model-trial-start")
    first = upstream.wait_for_request()
    page.click("model-trial-start")
    assert first.client_gone.wait(30)
    assert "The second." in answer_text(page)


def test_odd_schemas_are_drawn(page: AppTestPage, upstream: Upstream) -> None:
    """Bounds beyond a browser's numbers, and generated schemas."""
    id = "@cf/openai/gpt-oss-20b"
    for number in range(6):
        upstream.schemas[id] = generate_schema(number)
        page.click("other-models-refresh").choose("other-model", id)
    far = {"type": "integer", "minimum": 2**60, "maximum": 2**63}
    low = {"type": "number", "maximum": -1e18, "default": -2e18}
    upstream.schemas[id] = {
        "properties": {"messages": {}, "far": far, "low": low, "1 x*": {"enum": ["*a*", "$1$"]}}
    }
    page.click("other-models-refresh").click("model-trial-start")
    assert set(upstream.wait_for_request().body) == {"messages", "stream"}


def test_an_error_is_shown(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(ErrorReply(400, 5007, "No such model"))
    page.choose("other-model", "@cf/openai/gpt-oss-20b").click("model-trial-start")
    assert "5007" in answer_text(page)


def test_a_model_without_a_price_is_not_asked(page: AppTestPage) -> None:
    page.choose("other-model", UNPRICED)
    assert not page.has_key("model-trial-start")
    assert "does not list its price" in page.text(page.by_key("section-6"))


def test_a_model_that_takes_no_messages_is_not_asked(page: AppTestPage, upstream: Upstream) -> None:
    upstream.schemas["@cf/openai/gpt-oss-20b"] = {"properties": {"prompt": {}, "top_k": {"type": "integer"}}}
    page.choose("other-model", "@cf/openai/gpt-oss-20b")
    assert not page.has_key("model-trial-start")
    assert "does not take messages" in page.text(page.by_key("section-6"))


def test_the_limit_of_an_answer() -> None:
    entries = {entry.id: entry for entry in parse_entries(LISTED)}
    models = {id: build_model(entries[id], RECORDS[id]["input"]) for id in PRICED}
    qwen, llama = models["@cf/qwen/qwen3.8-27b"], models["@cf/meta/llama-3.3-70b-instruct-fp8-fast"]
    assert qwen is not None
    assert llama is not None
    assert (llama.answer_limit({}), llama.answer_limit({"max_tokens": 9})) == (256, 9)
    assert (qwen.answer_limit({}), qwen.answer_limit({"max_completion_tokens": 9, "max_tokens": 12})) == (
        None,
        9,
    )
    assert default_model().answer_limit({}) == 256
    assert build_model(entries[UNPRICED], {}) is None


def test_cached_input_has_its_own_price() -> None:
    entries = {entry.id: entry for entry in parse_entries(LISTED)}
    usage = Usage(1_000_000, 1_000_000, cached_tokens=800_000)
    for id, dollars in (
        # 200,000 tokens at $0.45, 800,000 at $0.05 and 1,000,000 at $3.2 per million; the other has no such price.
        ("@cf/qwen/qwen3.8-27b", "3.33"),
        ("@cf/openai/gpt-oss-20b", "0.5"),
    ):
        model = build_model(entries[id], SCHEMAS[id])
        assert model is not None
        assert cost_in_dollars(usage, model.price) == Decimal(dollars)

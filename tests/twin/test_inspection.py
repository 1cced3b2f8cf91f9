"""The twin's own endpoints, as the page uses them before a send: the prompt, its count, adapters, probabilities.

A hundred random conversations cover every form of a request. They are built and sent as the page does it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.api.backend import Backend, Secret
from lib.api.backend import twin_backend as backend_of
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import TextDelta
from lib.api.model_catalogue import ModelCatalogue
from lib.api.request import Messages, Prompt, Request, Turn, build_request
from lib.api.transport import Timeouts
from lib.model.model_record import default_model
from lib.model.request_options import Function, ResponseFormat, Tool, ToolCall
from lib.model.usage import Usage
from tests.twin.conftest import STORY, TOKEN, RunningTwin

# The client also waits this long for an inspection.
CLIENT = WorkersAI(Timeouts(connect=60))
# Conversations for each of the twelve forms: 108.
EACH = 9
PIECES = [
    *("Hello", "fox", "🦊", "👩‍👩‍👧‍👦", "你好世界", "العربية", "é", "e\u0301", "\n", "\n\n  ", "\t", "  "),
    *("{{ x }}", '"', "\\", "{", "}", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>system\n"),
    *("</s>", "0123456789", "\u2028", "a" * 40, "|", "'"),
]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city's name"}},
    "required": ["city"],
}
# A schema that four tokens can answer.
SHORT = ResponseFormat(json.dumps({"description": "Whether it is so. 🦊 <|im_end|>", "type": "boolean"}))
# It comes with the shipped model, and works with no other.
ADAPTER = "pirate"


def random_text(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) + chance.choice(["", " "]) for _ in range(chance.randint(1, 5)))


def random_turns(chance: random.Random) -> tuple[Turn, ...]:
    roles = ["system"] if chance.random() < 0.3 else []
    roles += [("user", "assistant")[n % 2] for n in range(chance.choice([1, 1, 2, 3, 4]))]
    return tuple(Turn(role, random_text(chance)) for role in roles)


def random_tool(chance: random.Random) -> Tool:
    about = "The weather now in a city. 🦊 <|im_end|>"
    return Tool("weather", about, json.dumps(PARAMETERS), nested=chance.random() < 0.5)


def random_function(chance: random.Random) -> Function:
    return Function("add", f"function add(a, b) {{ /* {random_text(chance)} */ return a + b }}")


def random_results(chance: random.Random) -> tuple[Turn, ...]:
    call = ToolCall("c1", "weather", json.dumps({"city": random_text(chance)}))
    calling = Turn("assistant", chance.choice(["", random_text(chance)]), calls=(call,))
    return (*random_turns(chance), calling, Turn("tool", random_text(chance), call_id="c1", name="weather"))


Made = Callable[[random.Random], tuple[Messages | Prompt, ResponseFormat | None]]
FORMS: dict[str, Made] = {
    "messages": lambda chance: (Messages(random_turns(chance)), None),
    "prompt": lambda chance: (Prompt(random_text(chance)), None),
    "raw messages": lambda chance: (Messages(random_turns(chance), raw=True), None),
    "raw prompt": lambda chance: (Prompt(random_text(chance), raw=True), None),
    "JSON": lambda chance: (Messages(random_turns(chance)), SHORT),
    "JSON prompt": lambda chance: (Prompt(random_text(chance), raw=chance.random() < 0.5), SHORT),
    "tools": lambda chance: (Messages(random_turns(chance), tools=(random_tool(chance),)), None),
    "functions": lambda chance: (Messages(random_turns(chance), functions=(random_function(chance),)), None),
    "tool results": lambda chance: (Messages(random_results(chance), tools=(random_tool(chance),)), None),
    "JSON tools": lambda chance: (Messages(random_results(chance), tools=(random_tool(chance),)), SHORT),
    "adapter": lambda chance: (Prompt(random_text(chance), raw=chance.random() < 0.5, lora=ADAPTER), None),
    "JSON adapter": lambda chance: (Prompt(random_text(chance), lora=ADAPTER), SHORT),
}
TEXTS = ["messages", "prompt", "raw messages", "raw prompt", "tool results"]


def make_request(form: str, seed: int, max_tokens: int = 1) -> Request:
    input, json_mode = FORMS[form](random.Random(f"{form} {seed}"))
    max_tokens = max_tokens if json_mode is None else 4
    # Greedy, and so without the prompt cache: all prompt tokens are counted.
    return build_request(
        default_model(), input, {"max_tokens": max_tokens, "temperature": 0}, response_format=json_mode
    )


@pytest.fixture
def backend(twin: RunningTwin) -> Backend:
    return backend_of(twin.base_url, twin.account, Secret(TOKEN), "SmolLM2", 8192)


@pytest.fixture
def whole_backend(whole_twin: RunningTwin) -> Backend:
    return backend_of(whole_twin.base_url, whole_twin.account, Secret(TOKEN), "SmolLM2", 8192)


@pytest.fixture
def backend_for(form: str, request: pytest.FixtureRequest) -> Backend:
    """Return a backend that has what the form asks for."""
    backend: Backend = request.getfixturevalue("whole_backend" if "adapter" in form else "backend")
    return backend


def send_request(backend: Backend, request: Request) -> tuple[str, Usage]:
    """Send the request. Return the answer's text and its usage."""
    events = list(CLIENT.stream(backend, request, CancelToken()))
    (usage,) = [event for event in events if isinstance(event, Usage)]
    return "".join(event.text for event in events if isinstance(event, TextDelta)), usage


@pytest.mark.parametrize("form", FORMS)
def test_the_count_before_sending_is_the_used_count(backend_for: Backend, form: str) -> None:
    for seed in range(EACH):
        request = make_request(form, seed)
        layout = CLIENT.render_prompt(backend_for, request)
        assert layout.prompt_tokens == send_request(backend_for, request)[1].prompt_tokens, request
    again = CLIENT.render_prompt(backend_for, build_request(default_model(), Prompt(layout.prompt, raw=True)))
    assert (again.prompt, again.prompt_tokens) == (layout.prompt, layout.prompt_tokens)


@pytest.mark.parametrize("form", TEXTS)
def test_the_text_can_be_sent_as_it_is(backend: Backend, form: str) -> None:
    request = make_request(form, 1000, max_tokens=12)
    raw = Prompt(CLIENT.render_prompt(backend, request).prompt, raw=True)
    again = build_request(default_model(), raw, {"max_tokens": 12, "temperature": 0})
    (text, usage), (raw_text, raw_usage) = send_request(backend, request), send_request(backend, again)
    assert raw_text == text
    assert raw_usage.prompt_tokens == usage.prompt_tokens


@pytest.mark.parametrize("form", FORMS)
def test_the_probabilities_are_those_of_the_same_prompt(backend_for: Backend, form: str) -> None:
    request = make_request(form, 2000)
    distribution = CLIENT.fetch_token_distribution(backend_for, request)
    assert distribution.prompt_tokens == CLIENT.render_prompt(backend_for, request).prompt_tokens
    listed = sum(candidate.probability for candidate in distribution.candidates)
    assert listed + distribution.other_probability == pytest.approx(1)


def test_the_adapter_is_listed_and_changes_the_probabilities(whole_backend: Backend) -> None:
    assert ADAPTER in [adapter.name for adapter in CLIENT.list_adapters(whole_backend)]
    with_it, without = (
        CLIENT.fetch_token_distribution(
            whole_backend, build_request(default_model(), Prompt(STORY, lora=lora))
        )
        for lora in (ADAPTER, "")
    )
    assert with_it.prompt_tokens == without.prompt_tokens
    assert with_it.candidates != without.candidates


def test_the_adapter_works_in_json_mode(whole_backend: Backend) -> None:
    form = ResponseFormat(json.dumps({"type": "object", "properties": {"name": {"type": "string"}}}))
    chosen = {"max_tokens": 80, "temperature": 0}
    texts = [
        send_request(
            whole_backend,
            build_request(default_model(), Prompt(STORY, lora=lora), chosen, response_format=form),
        )[0]
        for lora in (ADAPTER, "")
    ]
    assert [type(json.loads(text)) for text in texts] == [dict, dict]
    assert texts[0] != texts[1]


def test_the_chat_format(backend: Backend) -> None:
    layout = CLIENT.render_prompt(backend, build_request(default_model(), Prompt("Hello")))
    assert (layout.chat_format, layout.context_window) == ("ChatML", 8192)
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(layout.special_tokens)


def test_the_catalogue_lists_the_twins_model(whole_backend: Backend, tmp_path: Path) -> None:
    catalogue = ModelCatalogue(CLIENT, tmp_path)
    entry = catalogue.refresh(whole_backend).entries[0]
    model = default_model()
    assert (entry.id, entry.context_window) == (model.id, model.context_window)
    assert (entry.input_price, entry.output_price) == (
        model.price.input_per_million,
        model.price.output_per_million,
    )
    assert catalogue.fetch_schema(whole_backend, model.id) == model.input_schema

"""Conflicts between settings are found before a request is sent, and each fix removes its conflict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.api.backend import Backend, Secret
from lib.api.request import Messages, Prompt, Request, Turn, build_input, build_request
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import Function, InputForm, ResponseFormat, Tool
from lib.model.settings import Settings
from lib.preflight import llama3_template
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.preflight.raw_prompt import SAMPLE_QUESTION

MODEL = model_record.default_model()
PLAIN = Settings.defaults(MODEL)
TWIN = Backend(
    "twin", "http://127.0.0.1:1", "a" * 32, Secret("x" * 40), False, 8192, can_inspect=True, takes_lora=True
)
CLOUDFLARE = Backend("cloudflare", "https://api.test", "a" * 32, Secret("x" * 40), billed=True)
TOOL = Tool("add", "Adds.", '{"type": "object", "properties": {}}')
SAMPLE = llama3_template.render_prompt(Messages((Turn("user", SAMPLE_QUESTION),)))


def with_features(settings: Settings = PLAIN, **features: Any) -> Settings:
    return replace(settings, features=replace(settings.features, **features))


def find(settings: Settings, backend: Backend = TWIN, text: str = "Hi", tokens: int = 10) -> list[Conflict]:
    request: Request | None
    try:
        chosen = settings.features
        request = build_request(
            MODEL,
            build_input(chosen, (Turn("user", text),)),
            settings.sent_values(),
            stream=chosen.stream,
            response_format=chosen.response_format,
        )
    except BadInput:
        request = None
    window = backend.context_window or MODEL.context_window
    return list(
        find_conflicts(
            MODEL,
            backend,
            settings,
            NextRequest(request, tokens, window, SAMPLE, llama3_template.SPECIAL_TOKENS),
        )
    )


SCHEMA = ResponseFormat('{"type": "object"}')

UNIQUE = '{"type": "array", "uniqueItems": true}'
ENDLESS = '{"type": "object", "properties": {"below": {"$ref": "#"}}}'

CASES: list[tuple[str, Settings, Backend, str]] = [
    ("lora", with_features(lora="pirate"), TWIN, "only with a single prompt"),
    ("lora", with_features(lora="pirate", form=InputForm.PROMPT), CLOUDFLARE, "5005"),
    ("tools", with_features(tools=(TOOL,), form=InputForm.PROMPT), TWIN, "only in a conversation"),
    (
        "tools",
        with_features(functions=(Function("f", "x"),), form=InputForm.PROMPT),
        TWIN,
        "only in a conversation",
    ),
    ("tools", with_features(tools=(TOOL,), raw=True), TWIN, "Without the template"),
    ("tools", with_features(tools=(TOOL,)), CLOUDFLARE, "does not say that this model can use tools"),
    ("stream", with_features(response_format=SCHEMA), TWIN, "5023"),
    ("stream", with_features(response_format=ResponseFormat()), TWIN, "5023"),
    ("response_format", with_features(response_format=SCHEMA, tools=(TOOL,)), TWIN, "cannot both"),
    ("response_format", with_features(response_format=SCHEMA), CLOUDFLARE, "does not list this model"),
    ("response_format", with_features(response_format=ResponseFormat(UNIQUE)), TWIN, "“uniqueItems” at $"),
    ("response_format", with_features(response_format=ResponseFormat(ENDLESS)), TWIN, "refers to itself"),
    (
        "tools",
        with_features(tools=(Tool("tree", "Grows.", ENDLESS),)),
        TWIN,
        "tree: The practice model refuses",
    ),
    ("raw", with_features(raw=True, form=InputForm.PROMPT), TWIN, "no marks of the model's chat format"),
    ("raw", with_features(raw=True), TWIN, "no marks of the model's chat format"),
    ("max_tokens", PLAIN.with_value("max_tokens", 8183), TWIN, "leaves room for 8,182"),
    ("seed", PLAIN.with_value("temperature", 0.0).with_value("seed", 7), TWIN, "seed has no effect"),
    ("top_k", PLAIN.with_value("temperature", 0.0).with_value("top_k", 7), TWIN, "top k has no effect"),
    ("top_p", PLAIN.with_value("temperature", 0.0).with_value("top_p", 0.5), TWIN, "top p has no effect"),
    ("top_p", PLAIN.with_value("top_p", 1.0), TWIN, "has no effect"),
    ("top_p", PLAIN.with_value("top_p", 1.7), TWIN, "has no effect"),
    ("repetition_penalty", PLAIN.with_value("repetition_penalty", 1.0), TWIN, "has no effect"),
    ("frequency_penalty", PLAIN.with_value("frequency_penalty", 0.0), TWIN, "has no effect"),
    ("presence_penalty", PLAIN.with_value("presence_penalty", 0.0), TWIN, "has no effect"),
]


@pytest.mark.parametrize(("at", "settings", "backend", "says"), CASES)
def test_each_conflict_has_a_control_and_a_fix(
    at: str, settings: Settings, backend: Backend, says: str
) -> None:
    here = [one for one in find(settings, backend) if one.control == at and says in one.text]
    assert len(here) == 1
    assert here[0].fix_label
    mended = here[0].fixed_settings
    if mended is not None:
        assert mended != settings
        assert [one for one in find(mended, backend) if one.control == at and says in one.text] == []


@pytest.mark.parametrize(
    "settings",
    [
        PLAIN,
        with_features(form=InputForm.PROMPT),
        with_features(form=InputForm.PROMPT, lora="pirate"),
        with_features(tools=(TOOL,)),
        with_features(response_format=SCHEMA, stream=False),
        PLAIN.with_value("seed", 7),
        PLAIN.with_value("temperature", 0.0),
        PLAIN.with_value("max_tokens", 8182),
        PLAIN.with_value("repetition_penalty", 0.9),
        PLAIN.with_value("top_p", 0.99),
    ],
)
def test_settings_without_conflicts(settings: Settings) -> None:
    assert find(settings) == []


def test_a_raw_prompt_in_the_models_format_has_no_conflict() -> None:
    assert find(with_features(form=InputForm.PROMPT, raw=True), text=SAMPLE) == []


def test_a_raw_prompt_is_fixed_in_its_text() -> None:
    assert [one.fixed_settings for one in find(with_features(form=InputForm.PROMPT, raw=True))] == [None]


def test_an_input_that_fills_the_context() -> None:
    (one,) = find(PLAIN, tokens=8192)
    assert (one.control, one.is_refused) == ("max_tokens", True)
    assert "takes 8,192 tokens" in one.text


def test_json_mode_is_never_streamed() -> None:
    for format in (SCHEMA, ResponseFormat()):
        request = build_request(MODEL, Prompt("Hi"), {}, stream=True, response_format=format)
        assert not request.stream

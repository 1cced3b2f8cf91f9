"""Prompts to start with suit what the request asks for, on the Chat page and on the Compare page."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lib.api.backend import backend_from_environment
from lib.jsonkit.schema_form import sample_schemas
from lib.local_models.supervised_twin import Loading, Ready, TwinState
from lib.local_models.supervisor import Supervisor
from lib.model.request_options import Features, InputForm, ResponseFormat
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.compare.compare_welcome import STARTERS
from lib.ui.shell import backend_picker
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage

FILM = '{"type": "object", "properties": {"title": {"type": "string"}, "year": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("features", "part"),
    [
        ({}, "rainbow"),
        ({"response_format": ResponseFormat()}, "as JSON"),
        ({"response_format": ResponseFormat(sample_schemas()[1].schema)}, "Invoice 2026-017"),
        ({"response_format": ResponseFormat(FILM)}, "fill in every field: title, year."),
        ({"response_format": ResponseFormat('{"type": "array"}')}, "fill in every field."),
        ({"form": InputForm.PROMPT, "raw": True}, "Once upon a time"),
    ],
)
def test_starters(features: dict[str, Any], part: str) -> None:
    assert part in starter_prompts(Features(**features))[0][1]


def test_the_pages_offer_them(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-format", "JSON with fields")
    assert "Ada Lovelace" in page.by_key("starter0").label
    page.choose("choose-fields", "title, year")
    assert "title, year" in page.by_key("starter0").label
    compare = AppTestPage(path="pages/compare.py")
    assert compare.by_key("compare-starter-0").label == STARTERS[0]
    compare.choose(compare.by_keys("^choose-format-")[0].key, "JSON")
    assert "as JSON" in compare.by_key("compare-starter-0").label


@pytest.fixture
def start_twin(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the twin be starting; return a function after which it is up. The upstream stands for it."""
    backend = backend_from_environment(os.environ)
    assert backend is not None
    for name in upstream.environment():
        monkeypatch.delenv(name)
    state: list[TwinState] = [Loading()]
    monkeypatch.setattr(Supervisor, "state", property(lambda self: state[0]))
    monkeypatch.setattr(backend_picker, "wait_for_twin", lambda choice, meanwhile: None)
    ready = Ready(replace(backend, context_window=8192), "", 0)
    return lambda: state.__setitem__(0, ready)


def test_the_size_of_the_context_is_not_guessed_while_the_practice_model_starts(
    start_twin: Callable[[], None],
) -> None:
    page = AppTestPage()
    assert "Conversation length: 0 tokens" in page.everything()
    # That of the model on Cloudflare would flip to the other one in a moment.
    assert "of 60,000" not in page.everything()
    assert "The most that fits is shown once the model on this computer has started." in page.texts()
    start_twin()
    page.run()
    assert "Conversation length: 0 of 8,192 tokens" in page.everything()
    # In the place of the other note: the settings below stand still.
    assert "8,192 for the model on this computer" in page.text()
    assert "The most that fits" not in page.text()


def test_a_message_waits_until_the_practice_model_has_started(
    upstream: Upstream, start_twin: Callable[[], None]
) -> None:
    page = AppTestPage()
    page.click("starter0")
    assert "Sent as soon as the practice model has started." in page.texts()
    page.click("waiting-cancel")
    assert not page.has_key("waiting-message")
    page.send("Hello")
    assert upstream.requests == []
    assert "Hello" in page.texts(page.by_key("waiting-message"))
    start_twin()
    page.run()
    assert upstream.requests[0].body["messages"] == [{"role": "user", "content": "Hello"}]
    assert not page.has_key("waiting-message")
    assert page.first_texts() == ["Hello", "A short answer."]

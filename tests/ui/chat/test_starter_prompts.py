"""Prompts to start with suit what the request asks for, on the Chat page and on the Compare page."""

from __future__ import annotations

from typing import Any

import pytest

from lib.jsonkit.schema_form import sample_schemas
from lib.model.request_options import Features, InputForm, ResponseFormat
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.compare.compare_welcome import STARTERS
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

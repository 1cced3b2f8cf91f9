"""JSON in a text, of a call in a request or of a model's answer: no value of it makes the twin fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.responses import JSONResponse

from lib.twin import json_mode, request_tools
from lib.twin.api_errors import TwinApiError
from lib.twin.json_mode import parse_json_text
from lib.twin.tool_messages import parse_tool_calls

HALF = r'{"\ud83d": ["a\udc00", "\ud83d\ude00"]}'
WHOLE = {"\ufffd": ["a\ufffd", "😀"]}
NO_NUMBERS = ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e400}']


def message(arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": arguments}}]}


def test_half_a_character_is_replaced() -> None:
    assert parse_json_text(HALF) == WHOLE
    assert parse_tool_calls(message(HALF), 0)[0].arguments == WHOLE
    JSONResponse(json_mode.parse_json_answer(json_mode.ANY_OBJECT, HALF))
    call = request_tools._parse_call(f'{{"name": "f", "arguments": {HALF}}}')
    assert call is not None
    assert json.loads(call.arguments) == WHOLE
    call.arguments.encode()


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_of_json_is_refused(text: str) -> None:
    with pytest.raises(TwinApiError, match="not JSON"):
        parse_tool_calls(message(text), 0)
    with pytest.raises(TwinApiError, match="couldn't be met"):
        json_mode.parse_json_answer(json_mode.ANY_OBJECT, text)

"""A stream that ends with the model's reason to end, as other servers of the API send it, and without [DONE]."""

from __future__ import annotations

import pytest

from lib.chat.answer import Answer, Ending
from lib.chat.answer_run import AnswerRun
from lib.model import model_record
from lib.model.usage import Usage
from tests import sample_values
from tests.scripted_server import TIMEOUT, ScriptedServer, encode_events, response_head, sends


def run_to_end(server: ScriptedServer) -> Answer:
    run = AnswerRun(
        sample_values.make_client(),
        sample_values.make_backend(server.url),
        model_record.default_model(),
        sample_values.make_request(),
        lambda answer: None,
    ).start()
    run.join(TIMEOUT)
    return run.answer


CALL = {"id": "c1", "index": 0, "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_reason_ends_a_stream_without_done(is_whole: bool) -> None:
    """Other servers of the same API end with a finish_reason and the usage: the call and the count are whole."""
    chunks = [
        {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3}},
    ]
    with ScriptedServer(sends(response_head(), encode_events(*chunks[: 3 if is_whole else 2]))) as server:
        answer = run_to_end(server)
    assert (answer.ending, answer.error) == (Ending.TOOL_CALLS, None)
    assert [(call.id, call.name, call.arguments) for call in answer.calls] == [("c1", "f", '{"a":1}')]
    assert answer.usage is not None
    assert answer.usage.estimated is not is_whole
    assert not is_whole or answer.usage == Usage(10, 3)


def test_a_call_before_an_error_is_not_kept() -> None:
    chunks = [
        {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
        {"error": {"code": 3040, "message": "full"}},
    ]
    with ScriptedServer(sends(response_head(), encode_events(*chunks))) as server:
        answer = run_to_end(server)
    assert (answer.ending, answer.calls) == (Ending.ERROR, ())

"""Requests, settings, usage and errors are written as JSON and read back unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, strategies

from lib import errors
from lib.api.request import Messages, Request, Turn
from lib.chat.conversation import Conversation, Message
from lib.errors import PaddockError
from lib.files import value_codec
from lib.model.request_options import Features
from lib.model.usage import Usage
from tests.store.conversation_trees import SETTINGS, features, requests

ASKED = Conversation("Be kind.").append(Message("user", "Hi \ud800", id="1"))
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PaddockError)]


@given(requests(ASKED, "1"))
def test_requests(request: Request) -> None:
    read = value_codec.read_request(json.loads(json.dumps(value_codec.write_request(request))))
    assert read == request
    assert repr(read.parameters) == repr(request.parameters), "1 stays 1, and 1.0 stays 1.0"


def test_the_input_may_be_kept_elsewhere() -> None:
    turns = Messages((Turn("user", "x"),))
    head = {"model": "m", "parameters": {}, "stream": True, "response_format": None}
    request = value_codec.read_request(head, turns)
    assert request.input == turns
    assert value_codec.write_request_head(request) == head


def test_settings() -> None:
    changed = SETTINGS.with_value(SETTINGS.items[0].name, 7)
    assert value_codec.read_settings(json.loads(json.dumps(value_codec.write_settings(changed)))) == changed


@given(features)
def test_features(chosen: Features) -> None:
    settings = replace(SETTINGS, features=chosen)
    assert value_codec.read_settings(json.loads(json.dumps(value_codec.write_settings(settings)))) == settings


@given(strategies.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_exact(neurons: Decimal) -> None:
    usage = Usage(1, 2, 3, neurons, True)
    read = value_codec.read_usage(json.loads(json.dumps(value_codec.write_usage(usage))))
    assert read == usage
    assert str(read.neurons) == str(neurons)


def test_every_kind_of_error() -> None:
    assert len(KINDS) > 15
    for kind in KINDS:
        error = kind("What.", advice="Do.", code=1, status=2, retryable=True, retry_after=3.5)
        read = value_codec.read_error(json.loads(json.dumps(value_codec.write_error(error))))
        assert type(read) is kind
        assert vars(read) == vars(error)
        assert str(read) == "What."


def test_an_error_of_a_kind_that_is_no_more() -> None:
    data = value_codec.write_error(PaddockError("What.")) | {"kind": "Gone"}
    assert type(value_codec.read_error(data)) is PaddockError

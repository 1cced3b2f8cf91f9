"""Settings: the bounds of the record, the defaults, and the values that are sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given, strategies

from lib.api.request import Prompt, build_request
from lib.api.wire import encode_request
from lib.errors import BadInput
from lib.model import model_record
from lib.model.model_record import Number, Parameter
from lib.model.settings import Setting, Settings, check_parameters, default_setting

MODEL = model_record.default_model()
DEFAULTS = Settings.defaults(MODEL)


def ends(parameter: Parameter) -> Iterator[Number]:
    yield parameter.minimum
    if parameter.maximum is not None:
        yield parameter.maximum


def beyond(parameter: Parameter) -> Iterator[Number]:
    step = 1 if parameter.kind == "integer" else 0.001
    yield parameter.minimum - step
    if parameter.maximum is not None:
        yield parameter.maximum + step


@pytest.mark.parametrize("parameter", MODEL.parameters, ids=lambda parameter: parameter.name)
def test_bounds(parameter: Parameter) -> None:
    for value in ends(parameter):
        check_parameters({parameter.name: value}, MODEL)
        jsonschema.validate(
            encode_request(build_request(MODEL, Prompt("x"), {parameter.name: value})), MODEL.input_schema
        )
    for value in beyond(parameter):
        with pytest.raises(BadInput, match=parameter.label) as refused:
            check_parameters({parameter.name: value}, MODEL)
        assert str(parameter.minimum) in refused.value.message
        assert parameter.maximum is None or str(parameter.maximum) in refused.value.message
        assert refused.value.advice
    for value in (math.nan, math.inf, -math.inf, True, "1", None, 10**400, -(10**400)):
        with pytest.raises(BadInput, match=parameter.label):
            check_parameters({parameter.name: value}, MODEL)  # type: ignore[dict-item]
    if parameter.kind == "integer":
        with pytest.raises(BadInput, match="whole"):
            check_parameters({parameter.name: parameter.minimum + 0.5}, MODEL)


@given(strategies.sampled_from(MODEL.parameters), strategies.integers() | strategies.floats())
def test_the_schema_allows_exactly_the_values_that_pass(parameter: Parameter, value: Number) -> None:
    """The result is that of jsonschema; only where the schema has no minimum does the record add one."""
    try:
        body = encode_request(build_request(MODEL, Prompt("x"), {parameter.name: value}))
    except BadInput:
        valid = jsonschema.Draft202012Validator(MODEL.input_schema).is_valid(
            {"prompt": "x", parameter.name: value}
        )
        assert not valid or not math.isfinite(value) or value < parameter.minimum
    else:
        jsonschema.validate(body, MODEL.input_schema)


def test_unknown_parameter() -> None:
    with pytest.raises(BadInput, match="no parameter"):
        check_parameters({"nothing": 1}, MODEL)


def test_documented_defaults_are_sent_and_the_rest_is_the_models_choice() -> None:
    documented = {item.name: item.default for item in MODEL.parameters if item.default is not None}
    assert DEFAULTS.sent_values() == documented == {"max_tokens": 256, "temperature": 0.6}
    assert [setting.name for setting in DEFAULTS.items] == [parameter.name for parameter in MODEL.parameters]
    check_parameters({setting.name: setting.value for setting in DEFAULTS.items}, MODEL)


@pytest.mark.parametrize("parameter", MODEL.parameters, ids=lambda parameter: parameter.name)
def test_changing_a_setting(parameter: Parameter) -> None:
    changed = DEFAULTS.with_value(parameter.name, parameter.minimum)
    assert changed[parameter.name] == Setting(parameter.name, parameter.minimum, is_sent=True)
    assert changed.sent_values()[parameter.name] == parameter.minimum
    assert [item for item in changed.items if item not in DEFAULTS.items] == [changed[parameter.name]]
    assert changed.with_setting(default_setting(parameter)) == DEFAULTS
    off = changed.with_setting(replace(changed[parameter.name], is_sent=False))
    assert parameter.name not in off.sent_values()
    assert off[parameter.name].value == parameter.minimum, "a value that is not sent is kept"
    assert Settings.defaults(MODEL) == DEFAULTS, "nothing changes in place"


def test_unknown_setting() -> None:
    with pytest.raises(KeyError):
        DEFAULTS["nothing"]

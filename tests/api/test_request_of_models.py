"""The parameters of every documented model reach the wire under their own names and types."""

from __future__ import annotations

import pytest

from lib.api import wire
from lib.api.request import Messages, Turn, build_request
from lib.errors import BadInput
from lib.model.known_models import unknown_model
from lib.model.model_record import Model, Parameter
from lib.model.schema_alternatives import Scalar
from tests.model.catalogue_models import EFFORT, LISTED_MODELS

ASKED = Messages((Turn("user", "Hi"),))


def _value(parameter: Parameter) -> Scalar:
    if parameter.choices:
        return parameter.choices[-1]
    if not parameter.is_number:
        return True
    return parameter.cast(parameter.minimum if parameter.maximum is None else parameter.maximum)


@pytest.mark.parametrize("model", LISTED_MODELS.values(), ids=lambda model: model.id)
def test_each_parameter_is_sent_under_its_name(model: Model) -> None:
    values = {parameter.name: _value(parameter) for parameter in model.parameters}
    request = build_request(model, ASKED, values)
    body = wire.encode_request(request)
    assert request.model == model.id
    assert {name: body[name] for name in values} == values
    assert [type(body[name]) for name in values] == [type(value) for value in values.values()]


@pytest.mark.parametrize(
    ("name", "value"),
    [("reasoning_effort", "huge"), ("logprobs", 1), ("logprobs", "on"), ("n", True), ("n", 500)],
)
def test_other_values_are_refused(name: str, value: Scalar) -> None:
    with pytest.raises(BadInput):
        build_request(EFFORT, ASKED, {name: value})


def test_nothing_is_sent_to_a_model_that_is_not_listed() -> None:
    with pytest.raises(BadInput, match="@cf/acme/none"):
        build_request(unknown_model("@cf/acme/none"), ASKED)

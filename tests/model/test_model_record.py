"""The model records: documented values, and every record complete."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from lib.model import model_record
from lib.model.model_record import Model, read_model

MODEL = model_record.default_model()


def test_the_default_model() -> None:
    assert MODEL.id == "@cf/meta/llama-3.2-1b-instruct"
    assert MODEL.context_window == 60_000
    assert (MODEL.price.input_per_million, MODEL.price.output_per_million) == (
        Decimal("0.027"),
        Decimal("0.20"),
    )
    assert (MODEL.price.neurons_per_million_input, MODEL.price.neurons_per_million_output) == (2457, 18252)
    assert (MODEL.price.per_thousand_neurons, MODEL.price.free_neurons_a_day) == (Decimal("0.011"), 10_000)


@pytest.mark.parametrize(
    ("name", "minimum", "maximum", "default"),
    [
        # As the model's page documents them. It gives no minimum for max_tokens; 1 is the smallest that makes sense.
        ("max_tokens", 1, None, 256),
        ("temperature", 0, 5, 0.6),
        ("top_p", 0, 2, None),
        ("top_k", 1, 50, None),
        ("seed", 1, 9999999999, None),
        ("repetition_penalty", 0, 2, None),
        ("frequency_penalty", 0, 2, None),
        ("presence_penalty", 0, 2, None),
    ],
)
def test_bounds(name: str, minimum: float, maximum: float | None, default: float | None) -> None:
    parameter = MODEL.parameter(name)
    assert (parameter.minimum, parameter.maximum, parameter.default) == (minimum, maximum, default)


def test_parameters_in_the_order_of_the_schema() -> None:
    names = [parameter.name for parameter in MODEL.parameters]
    for shape in MODEL.input_schema["oneOf"]:
        numeric = [
            name for name, what in shape["properties"].items() if what.get("type") in ("integer", "number")
        ]
        assert numeric == names
    assert len(names) == 8


@pytest.mark.parametrize(
    "record", sorted(model_record.RECORDS_FOLDER.glob("*.json")), ids=lambda path: path.stem
)
def test_every_record_is_complete(record: Path) -> None:
    one = read_model(record)
    assert one == model_record.models()[one.id]
    assert one.source.startswith("https://")
    assert one.terms.startswith("https://")
    for schema in (one.input_schema, one.output_schema):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert [parameter.name for parameter in one.parameters if parameter.limits_output] == [
        one.output_limit.name
    ]
    for parameter in one.parameters:
        assert parameter.help
        assert parameter.about != parameter.help
        assert parameter.about.endswith(".")
        assert parameter.label
        assert parameter.step > 0
        assert parameter.minimum <= parameter.start
        assert parameter.maximum is None or parameter.start <= parameter.maximum
        assert parameter.default in (None, parameter.start)
        assert type(parameter.cast(1)) is (int if parameter.kind == "integer" else float)
    # Every control is used by a shipped record, but for the newer name of the answer's limit.
    controls = json.loads((record.parents[1] / "parameter_controls.json").read_text(encoding="utf-8"))
    own = set(controls) - {"//", "max_completion_tokens"}
    assert own == {parameter.name for parameter in MODEL.parameters}


def test_parameters_that_do_not_shape_the_next_token() -> None:
    names = [parameter.name for parameter in MODEL.parameters if parameter.effect_beyond_next_token]
    assert names == ["max_tokens", "seed"]


@pytest.mark.parametrize(
    "record", sorted(model_record.RECORDS_FOLDER.glob("*.json")), ids=lambda path: path.stem
)
def test_capabilities_have_their_field_and_their_source(record: Path) -> None:
    one = read_model(record)
    fields = {name for shape in one.input_schema["oneOf"] for name in shape["properties"]}
    for capability in one.capabilities:
        assert capability.field in fields
        assert capability.source.startswith("https://developers.cloudflare.com/workers-ai/")
        assert capability.documented.endswith(".")
        assert one.capability(capability.name) is capability


def test_documented_capabilities() -> None:
    assert {one.name: one.listed for one in MODEL.capabilities} == {
        "streaming": True,
        "json_mode": False,
        "tools": False,
        "lora": False,
        "raw": True,
    }
    assert "5005" in MODEL.capability("lora").documented
    with pytest.raises(KeyError):
        MODEL.capability("nothing")


def test_a_second_model_is_a_second_file(tmp_path: Path) -> None:
    record = json.loads(next(model_record.RECORDS_FOLDER.glob("*.json")).read_text(encoding="utf-8"))
    record["id"] = "@cf/x/other"
    record["price"]["input_per_million"] = "0.1"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    other = read_model(path)
    assert isinstance(other, Model)
    assert other.price.input_per_million == Decimal("0.1")


def test_unknown_parameter() -> None:
    with pytest.raises(KeyError):
        MODEL.parameter("nothing")

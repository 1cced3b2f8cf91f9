"""Settings follow the user from model to model; what the new model does not take is listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.known_models import find_record, unknown_model
from lib.model.model_change import SettingChange, move_to_model
from lib.model.model_record import Model, default_model
from lib.model.request_options import InputForm, ResponseFormat
from lib.model.settings import Setting, Settings, check_parameters, fit_to_model
from tests.model.catalogue_models import EFFORT, LARGE, LISTED_MODELS

MODEL = default_model()
ALL = [MODEL, *LISTED_MODELS.values()]


@pytest.mark.parametrize("new", ALL, ids=lambda model: model.id)
def test_untouched_settings_become_the_new_models_defaults(new: Model) -> None:
    assert move_to_model(Settings.defaults(MODEL), MODEL, new) == (Settings.defaults(new), ())


def test_what_the_user_set_follows() -> None:
    settings = Settings.defaults(MODEL).with_value("temperature", 1.5).with_value("max_tokens", 700)
    moved, changes = move_to_model(settings, MODEL, LARGE)
    assert changes == ()
    assert moved.model == LARGE.id
    assert dict(moved.sent_values()) == {"temperature": 1.5, "max_tokens": 700}


def test_values_are_moved_into_the_bounds_and_missing_ones_dropped() -> None:
    settings = Settings.defaults(MODEL).with_value("temperature", 4.5).with_value("top_k", 9)
    moved, changes = move_to_model(settings, MODEL, EFFORT)
    assert moved["temperature"] == Setting("temperature", 2.0, is_sent=True)
    assert changes == (SettingChange("Temperature", 4.5, 2.0), SettingChange("Top k", 9))


def test_features_that_the_model_does_not_document_are_dropped() -> None:
    mistral = LISTED_MODELS["@cf/mistralai/mistral-small-3.1-24b-instruct"]
    settings = Settings.defaults(MODEL).with_features(response_format=ResponseFormat(), lora="mine", raw=True)
    moved, changes = move_to_model(settings, MODEL, mistral)
    assert (moved.features.response_format, moved.features.lora, moved.features.raw) == (None, "", True)
    assert [change.label for change in changes] == ["JSON answer", "Adapter"]


def test_a_model_without_a_schema_is_asked_with_messages_alone() -> None:
    granite = LISTED_MODELS["@cf/ibm-granite/granite-4.0-h-micro"]
    settings = Settings.defaults(MODEL).with_features(form=InputForm.PROMPT)
    moved, changes = move_to_model(settings, MODEL, granite)
    assert moved == Settings((), replace(moved.features, form=InputForm.MESSAGES), granite.id)
    assert [change.label for change in changes] == ["Single prompt"]
    assert granite.output_limit is None
    assert granite.answer_limit({}) is None


@given(st.data())
def test_every_model_takes_what_was_moved_to_it(data: st.DataObject) -> None:
    old, new = data.draw(st.sampled_from(ALL)), data.draw(st.sampled_from(ALL))
    settings = Settings.defaults(old)
    for parameter in old.parameters:
        if parameter.is_number and data.draw(st.booleans()):
            most = parameter.maximum if parameter.maximum is not None else 10**6
            value = data.draw(st.floats(float(parameter.minimum), float(most)))
            settings = settings.with_value(parameter.name, parameter.cast(value))
        elif parameter.choices and data.draw(st.booleans()):
            settings = settings.with_value(parameter.name, data.draw(st.sampled_from(parameter.choices)))
    moved, changes = move_to_model(settings, old, new)
    check_parameters(moved.sent_values(), new)
    assert [item.name for item in moved.items] == [parameter.name for parameter in new.parameters]
    if not changes:
        sent = {
            name: value
            for name, value in settings.sent_values().items()
            if value != Settings.defaults(old)[name].value
        }
        assert sent.items() <= {item.name: item.value for item in moved.items}.items()


def test_choices_and_switches_are_checked_as_numbers_are() -> None:
    settings = Settings.defaults(EFFORT).with_value("reasoning_effort", "high").with_value("logprobs", True)
    check_parameters(settings.sent_values(), EFFORT)
    assert fit_to_model(settings, EFFORT) == settings
    wrong = replace(settings, items=tuple(replace(item, value="x") for item in settings.items))
    assert fit_to_model(wrong, EFFORT) == Settings.defaults(EFFORT)


def test_a_stand_in_keeps_its_id_and_cannot_be_asked() -> None:
    assert find_record("@cf/acme/none") is None
    stand_in = unknown_model("@cf/acme/none")
    assert (stand_in.id, stand_in.name, stand_in.is_known) == ("@cf/acme/none", "none", False)

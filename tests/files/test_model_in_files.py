"""The model is part of settings in files, links and presets; files without one are the default model's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.experiment import plan_codec
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Plan, PromptVersion
from lib.files import preset_file, share_link, value_codec
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.share_link import SharedSetup
from lib.model.model_record import default_model
from lib.model.settings import Settings
from tests.files.saved_conversations import load_conversation
from tests.model.catalogue_models import EFFORT, LISTED_MODELS

MODEL = default_model()
OTHERS = [
    Settings.defaults(EFFORT).with_value("reasoning_effort", "high").with_value("logprobs", True),
    *(Settings.defaults(model) for model in LISTED_MODELS.values()),
]


def _ids(settings: Settings) -> str:
    return settings.model


@pytest.mark.parametrize("settings", OTHERS, ids=_ids)
def test_every_form_keeps_model_and_values(settings: Settings) -> None:
    assert value_codec.read_settings(json.loads(json.dumps(value_codec.write_settings(settings)))) == settings
    file = ConversationFile(Conversation(), settings)
    assert load_conversation(dump_conversation(file).encode(), MODEL).settings == settings
    setup = SharedSetup("Be kind.", settings, "Hi")
    assert share_link.decode_link(share_link.encode_link(setup), MODEL) == setup
    plan = Plan((PromptVersion("A", "", "Hi"),), Inputs(), settings)
    assert plan_codec.read(json.loads(json.dumps(plan_codec.write(plan)))) == plan


@pytest.mark.parametrize("settings", OTHERS, ids=_ids)
def test_a_preset_keeps_the_model_and_what_is_sent(settings: Settings) -> None:
    preset = preset_file.Preset("Mine", None, settings, features=settings.features)
    (read,) = preset_file.load_presets(preset_file.dump_presets([preset]).encode(), MODEL)
    assert read.apply_to(Settings.defaults(MODEL)).model == settings.model
    assert read.settings.sent_values() == settings.sent_values()


def test_nothing_is_written_for_the_default_model() -> None:
    settings = Settings.defaults(MODEL)
    assert "model" not in value_codec.write_settings(settings)
    assert "model" not in preset_file.write_preset(preset_file.Preset("Mine", None, settings))
    assert value_codec.read_settings(value_codec.write_settings(settings)).model == MODEL.id


@pytest.mark.parametrize("id", ["", "x", "../../etc", "@cf/" + "x" * 300, 5, None])
def test_a_file_with_no_id_of_a_model_is_refused(id: Any) -> None:
    body = json.loads(dump_conversation(ConversationFile(Conversation(), OTHERS[0])))
    body["settings"]["model"] = id
    with pytest.raises(BadInput):
        load_conversation(json.dumps(body).encode(), MODEL)
    record = preset_file.write_preset(preset_file.Preset("Mine", None, OTHERS[0])) | {"model": id}
    with pytest.raises(BadInput):
        preset_file.parse_preset(record, MODEL)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1], {}, None, 10**400, "x" * 5000])
def test_a_file_with_other_values_is_refused(value: Any) -> None:
    body = json.loads(dump_conversation(ConversationFile(Conversation(), OTHERS[0])))
    body["settings"]["parameters"][0]["value"] = value
    with pytest.raises(BadInput):
        load_conversation(json.dumps(body).encode(), MODEL)
    broken = replace(OTHERS[0], items=(replace(OTHERS[0].items[0], value=value),))
    with pytest.raises(BadInput):
        share_link.decode_link(share_link.encode_link(SharedSetup("", broken, "")), MODEL)


def test_shipped_presets_fit_every_model() -> None:
    for model in LISTED_MODELS.values():
        for preset in preset_file.shipped_presets(model):
            assert preset.settings.model == model.id
            assert preset.apply_to(Settings.defaults(model)).model == model.id

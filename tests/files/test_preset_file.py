"""The shipped presets, their JSON, and bad files."""

from __future__ import annotations

import json

import pytest

from lib.errors import BadInput
from lib.files import preset_file
from lib.model.model_record import default_model
from lib.model.settings import Settings, check_parameters

MODEL = default_model()


def test_the_shipped_ones_are_sound() -> None:
    shipped = preset_file.shipped_presets(MODEL)
    names = [one.name for one in shipped]
    assert len(set(names)) == len(names) >= 9
    for one in shipped:
        check_parameters(one.settings.sent_values(), MODEL)
        assert one.about


def test_round_trip() -> None:
    shipped = preset_file.shipped_presets(MODEL)
    assert preset_file.load_presets(preset_file.dump_presets(shipped).encode(), MODEL) == shipped


def test_prepared_messages_are_kept() -> None:
    preset = preset_file.Preset("Demo", None, Settings.defaults(MODEL), messages=("One\ntwo", "Three"))
    (loaded,) = preset_file.load_presets(preset_file.dump_presets([preset]).encode(), MODEL)
    assert loaded.messages == ("One\ntwo", "Three")
    with pytest.raises(BadInput, match="messages"):
        preset_file.load_presets(_file({"name": "x", "messages": ["One", 2]}), MODEL)


def test_what_a_preset_does_not_name_is_left_to_the_model() -> None:
    (one,) = preset_file.load_presets(_file({"name": "x", "parameters": {"temperature": 0}}), MODEL)
    assert dict(one.settings.sent_values()) == {"temperature": 0.0}
    assert len(one.settings.items) == len(Settings.defaults(MODEL).items)


def _file(*presets: object) -> bytes:
    return json.dumps(
        {"format": preset_file.FORMAT, "version": preset_file.VERSION, "presets": list(presets)}
    ).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is not complete"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "nested more than 100 deep"),
        (b"[]", "no presets"),
        (b'{"format":"paddock.presets","version":2,"presets":[]}', "another version"),
        (b" " * 1_000_001, "1,000,001 bytes"),
        (_file({}), "no name"),
        (_file({"name": "n" * 81}), "too long"),
        (_file({"name": "x", "system": 1}), "“x” is not complete"),
        (_file({"name": "x", "parameters": {"heat": 1}}), "“heat”"),
        (_file({"name": "x", "parameters": {"temperature": 5.1}}), "between 0 and 5"),
        (_file({"name": "x", "parameters": {"top_k": "many"}}), "must be a number"),
    ],
)
def test_bad_files(data: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        preset_file.load_presets(data, MODEL)

"""System prompts and settings that two servers changed: the later change counts, and the other one is known."""

from __future__ import annotations

import pytest

from lib.chat.setup_merge import Setup, merge_setups
from lib.model import model_record
from lib.model.settings import Settings
from tests.model.catalogue_models import LARGE

SETTINGS = Settings.defaults(model_record.default_model())
BASE = Setup("Be kind.", SETTINGS)


def setup(system: str = "Be kind.", **values: float) -> Setup:
    settings = SETTINGS
    for name, value in values.items():
        settings = settings.with_value(name, value)
    return Setup(system, settings)


@pytest.mark.parametrize(
    ("ours", "theirs", "counts", "replaced"),
    [
        (BASE, BASE, BASE, BASE),
        (setup("Ours"), BASE, setup("Ours"), setup("Ours")),
        (BASE, setup("Theirs"), setup("Theirs"), BASE),
        (setup("Ours"), setup("Theirs"), setup("Ours"), setup("Theirs")),
        (setup("Same"), setup("Same"), setup("Same"), setup("Same")),
        (
            setup("Ours", temperature=1, top_k=5),
            setup("Theirs", temperature=2, seed=7),
            setup("Ours", temperature=1, top_k=5, seed=7),
            setup("Theirs", temperature=2, top_k=5),
        ),
    ],
)
def test_merge(ours: Setup, theirs: Setup, counts: Setup, replaced: Setup) -> None:
    assert merge_setups(ours, theirs, BASE) == (counts, replaced)


def test_options_are_merged_one_by_one() -> None:
    ours = Setup("", SETTINGS.with_features(stream=False, lora="mine"))
    theirs = Setup("", SETTINGS.with_features(raw=True, lora="theirs"))
    counts, replaced = merge_setups(ours, theirs, Setup("", SETTINGS))
    assert counts == Setup("", SETTINGS.with_features(stream=False, raw=True, lora="mine"))
    assert replaced == Setup("", SETTINGS.with_features(stream=False, lora="theirs"))


def test_nothing_is_dropped_if_the_common_version_is_not_known() -> None:
    assert merge_setups(setup("Ours"), setup("Theirs"), None) == (setup("Ours"), setup("Theirs"))


def test_settings_that_stay_are_the_same_object() -> None:
    """Then the next save has nothing to write."""
    theirs = setup("Theirs")
    counts, _ = merge_setups(BASE, theirs, BASE)
    assert counts.settings is SETTINGS
    counts, _ = merge_setups(BASE, setup(temperature=1), BASE)
    assert counts.settings != SETTINGS


def test_settings_of_two_models_are_not_mixed() -> None:
    ours, theirs = setup(temperature=1), Setup("Theirs", Settings.defaults(LARGE))
    assert merge_setups(ours, theirs, BASE) == (
        Setup("Theirs", ours.settings),
        Setup("Be kind.", theirs.settings),
    )
    assert merge_setups(BASE, theirs, BASE) == (theirs, BASE)

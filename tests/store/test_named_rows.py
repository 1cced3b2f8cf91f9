"""Presets and schemas that are changed in several places: no version is lost that its user did not delete."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from lib.store.store import Store
from lib.store.stored_values import SavedPreset, SavedSchema

KIND = SavedPreset("1", "Kind", {"system": "Be kind."})


@pytest.fixture
def stores(url: str) -> Iterator[tuple[Store, Store]]:
    """Return two servers on one database, which has a preset and a schema."""
    with closing(Store(url)) as ours, closing(Store(url)) as theirs:
        ours.presets.save("ann", KIND)
        ours.schemas.save("ann", SavedSchema("1", "Person", "{}"))
        yield ours, theirs


def test_both_versions_of_a_preset_are_kept(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    changed, mine = replace(KIND, body={"system": "Be very kind."}), replace(KIND, body={"system": "Smile."})
    assert theirs.presets.save("ann", changed, KIND) is None
    assert ours.presets.save("ann", mine, KIND) == "Kind (2)"
    first, second = theirs.presets.load_all("ann")
    assert first == changed
    assert (second.name, second.body) == ("Kind (2)", mine.body)
    assert ours.presets.save("ann", mine, KIND) == "Kind (3)"
    assert ours.presets.save("ann", changed, KIND) is None, "both have saved the same"
    assert ours.presets.save("ann", mine, changed) is None, "it has not changed since"


def test_changes_of_different_fields_are_one_preset(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    theirs.presets.save("ann", replace(KIND, name="Friendly"), KIND)
    assert ours.presets.save("ann", replace(KIND, is_start=True), KIND) is None
    assert ours.presets.save("ann", replace(KIND, body=[1]), KIND) is None
    assert ours.presets.load_all("ann") == (SavedPreset("1", "Friendly", [1], is_start=True),)


def test_both_new_names_are_kept(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    start = replace(KIND, is_start=True)
    theirs.presets.save("ann", start, KIND)
    theirs.presets.save("ann", replace(start, name="Friendly"), start)
    assert ours.presets.save("ann", replace(start, name="Nice"), start) == "Nice"
    friendly, nice = ours.presets.load_all("ann")
    assert (friendly.name, friendly.is_start) == ("Friendly", True)
    assert (nice.name, nice.body, nice.is_start) == ("Nice", KIND.body, False)


def test_a_preset_that_was_changed_elsewhere_is_not_deleted(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    changed = replace(KIND, body={"system": "Be very kind."})
    theirs.presets.save("ann", changed, KIND)
    assert not ours.presets.delete("ann", KIND)
    assert ours.presets.load_all("ann") == (changed,)
    theirs.presets.save("ann", replace(changed, is_start=True), changed)
    assert ours.presets.delete("ann", changed), "its name and content are what was seen"
    assert ours.presets.load_all("ann") == ()
    assert ours.presets.delete("ann", changed)


def test_a_change_of_a_deleted_preset_is_kept(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    other = SavedPreset("2", "Curt", [], is_start=True)
    start = replace(KIND, is_start=True)
    ours.presets.save("ann", start, KIND)
    theirs.presets.delete("ann", start)
    theirs.presets.save("ann", other)
    assert ours.presets.save("ann", replace(start, name="Friendly"), start) is None
    assert ours.presets.load_all("ann") == (other, replace(KIND, name="Friendly"))


def test_a_copy_of_a_long_name_is_as_long(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    long = SavedSchema("2", "n" * 80, "1")
    theirs.schemas.save("ann", long)
    assert ours.schemas.save("ann", replace(long, body="2")) == "n" * 76 + " (2)"


def test_no_order_of_changes_loses_a_text(stores: tuple[Store, Store]) -> None:
    """Each server changes what it saw last, which may be old. Only what a user replaced or deleted is gone."""
    chance = random.Random(20261130)
    seen = [store.schemas.load_all("ann") for store in stores]
    wanted = {"{}"}
    for number in range(150):
        server = chance.randrange(2)
        store = stores[server]
        if not seen[server] or chance.random() < 0.3:
            seen[server] = store.schemas.load_all("ann")
            continue
        item = chance.choice(seen[server])
        match chance.randrange(5):
            case 0:
                if store.schemas.delete("ann", item):
                    wanted.discard(item.body)
            case 1:
                store.schemas.save("ann", replace(item, name=f"Name {number}"), item)
            case _:
                stored = {(schema.id, schema.body) for schema in store.schemas.load_all("ann")}
                store.schemas.save("ann", replace(item, body=str(number)), item)
                wanted.add(str(number))
                if (item.id, item.body) in stored:
                    wanted.discard(item.body)
    assert wanted <= {schema.body for schema in stores[0].schemas.load_all("ann")}
